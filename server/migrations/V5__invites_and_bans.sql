-- How people come into a chat, and who may not.

-- Rows stay when an invite has ended: it is told apart from one that never was.
create table invites (
  token text primary key,
  chat_id bigint not null,
  created_by bigint not null,
  created_at timestamptz not null default now(),
  expires_at timestamptz,
  max_uses integer,
  use_count integer not null default 0,
  revoked_at timestamptz,
  constraint invites_uses check (max_uses is null or use_count <= max_uses)
);
create index invites_chat_idx on invites (chat_id, created_at, token);

create table chat_bans (
  chat_id bigint not null,
  user_id bigint not null,
  banned_by bigint not null,
  banned_at timestamptz not null default now(),
  primary key (chat_id, user_id)
);

-- Pages of members by the time they joined. Nothing moves that column: updates of read marks stay HOT.
create index chat_members_joined_idx on chat_members (chat_id, joined_at, user_id);

-- Where a page of members goes on when its last one has left meanwhile.
alter table chat_departures add column joined_at timestamptz;
