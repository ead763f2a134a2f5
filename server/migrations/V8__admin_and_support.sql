-- The admin room: counters that the writes keep, an audit log that stays as it is, support.

alter table users
  add column is_system boolean not null default false,
  add column deleted_at timestamptz;
-- One system user: who answers for support.
create unique index users_system_key on users (is_system) where is_system;
create index users_admins_idx on users (id) where is_admin;
create index users_blocked_idx on users (id) where is_blocked;
create index users_email_search_idx on users using gin (lower(email) gin_trgm_ops);

-- Sums by day; what has no day is at -infinity. Each is spread over a few rows, so that those who count at the same time
-- do not wait for each other.
create table daily_counts (
  name text not null,
  day date not null,
  shard smallint not null,
  value bigint not null,
  primary key (name, day, shard)
) with (fillfactor = 50);

-- What somebody has ever sent; added to by the nodes every few seconds.
create table user_message_counts (
  user_id bigint primary key,
  sent bigint not null
) with (fillfactor = 50);

-- Of a user, the sums that they are part of.
create function counted_user(u users) returns table (name text, day date)
language sql stable as $$
  select 'users', '-infinity'::date where u.is_active and not u.is_system
  union all select 'users_blocked', '-infinity'::date where u.is_active and u.is_blocked and not u.is_system
  union all select 'users_new', (u.created_at at time zone 'UTC')::date where not u.is_system
  union all select 'users_last_active', (u.last_activity at time zone 'UTC')::date
    where u.last_activity is not null and not u.is_system
$$;

-- One function for each event, because a transition table exists only where it is declared.
create function count_new_users() returns trigger language plpgsql as $$
begin
  insert into daily_counts as d (name, day, shard, value)
  select c.name, c.day, pg_backend_pid() % 8, count(*) from fresh u, counted_user(u) c group by 1, 2 order by 1, 2
  on conflict (name, day, shard) do update set value = d.value + excluded.value;
  return null;
end
$$;
create function count_gone_users() returns trigger language plpgsql as $$
begin
  insert into daily_counts as d (name, day, shard, value)
  select c.name, c.day, pg_backend_pid() % 8, -count(*) from stale u, counted_user(u) c group by 1, 2 order by 1, 2
  on conflict (name, day, shard) do update set value = d.value + excluded.value;
  return null;
end
$$;
create function count_changed_users() returns trigger language plpgsql as $$
begin
  insert into daily_counts as d (name, day, shard, value)
  select name, day, pg_backend_pid() % 8, sum(one) from (
    select c.name, c.day, 1 as one from fresh u, counted_user(u) c
    union all
    select c.name, c.day, -1 from stale u, counted_user(u) c
  ) moved
  group by 1, 2 having sum(one) <> 0 order by 1, 2
  on conflict (name, day, shard) do update set value = d.value + excluded.value;
  return null;
end
$$;
create trigger users_counted_in after insert on users
  referencing new table as fresh for each statement execute function count_new_users();
create trigger users_counted_out after delete on users
  referencing old table as stale for each statement execute function count_gone_users();
create trigger users_counted_on after update on users
  referencing old table as stale new table as fresh for each statement execute function count_changed_users();

create function count_new_chats() returns trigger language plpgsql as $$
begin
  insert into daily_counts as d (name, day, shard, value)
  select 'chats_' || type, '-infinity', pg_backend_pid() % 8, count(*) from fresh group by 1 order by 1
  on conflict (name, day, shard) do update set value = d.value + excluded.value;
  return null;
end
$$;
create function count_gone_chats() returns trigger language plpgsql as $$
begin
  insert into daily_counts as d (name, day, shard, value)
  select 'chats_' || type, '-infinity', pg_backend_pid() % 8, -count(*) from stale group by 1 order by 1
  on conflict (name, day, shard) do update set value = d.value + excluded.value;
  return null;
end
$$;
create trigger chats_counted_in after insert on chats
  referencing new table as fresh for each statement execute function count_new_chats();
create trigger chats_counted_out after delete on chats
  referencing old table as stale for each statement execute function count_gone_chats();

-- The messages of a chat that is gone leave the total with it; seqs have no holes, so the head knows how many they were.
create function count_gone_messages() returns trigger language plpgsql as $$
begin
  insert into daily_counts as d (name, day, shard, value)
  select 'messages_gone', '-infinity', pg_backend_pid() % 8, sum(last_seq) from stale having sum(last_seq) > 0
  on conflict (name, day, shard) do update set value = d.value + excluded.value;
  return null;
end
$$;
create trigger chat_heads_counted_out after delete on chat_heads
  referencing old table as stale for each statement execute function count_gone_messages();

-- What was there before anything was counted.
insert into daily_counts (name, day, shard, value)
  select c.name, c.day, 0, count(*) from users u, counted_user(u) c group by 1, 2;
insert into daily_counts (name, day, shard, value)
  select 'chats_' || type, '-infinity', 0, count(*) from chats group by 1;
insert into daily_counts (name, day, shard, value)
  select 'messages', (created_at at time zone 'UTC')::date, 0, count(*) from messages group by 2;
insert into user_message_counts (user_id, sent)
  select sender_id, count(*) from messages group by 1;

create table audit_log (
  id bigint generated always as identity primary key,
  at timestamptz not null default now(),
  -- Null: a command on the server's own machine.
  actor_id bigint,
  actor_name text not null,
  action text not null,
  target_type text,
  target_id bigint,
  target_name text,
  address text,
  before jsonb,
  after jsonb
);
create index audit_log_actor_idx on audit_log (actor_id, id);
create index audit_log_target_idx on audit_log (target_id, id);
create index audit_log_action_idx on audit_log (action, id);

create function refuse_audit_change() returns trigger language plpgsql as $$
begin
  raise exception 'the audit log stays as it is';
end
$$;
create trigger audit_log_stays before update or delete or truncate on audit_log
  for each statement execute function refuse_audit_change();

-- The one-time links that make the first admin; only hashes are stored.
create table admin_claims (
  token_hash bytea primary key,
  created_at timestamptz not null default now()
);

-- Who of the staff looks after which support chat.
create table support_assignments (
  chat_id bigint primary key references chats on delete cascade,
  assignee_id bigint not null references users,
  assigned_at timestamptz not null default now()
);

create table support_answers (
  id bigint generated by default as identity primary key,
  title text not null,
  content text not null,
  created_by bigint not null,
  updated_at timestamptz not null default now()
);
