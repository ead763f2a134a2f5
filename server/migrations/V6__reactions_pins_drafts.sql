-- Reactions, pins, earlier versions of edited messages, and what one person keeps of a chat: a draft, and that it is
-- to be read again. The rows of a message are written under its chat's head's lock and go with it.

create table message_reactions (
  chat_id bigint not null,
  message_id bigint not null,
  user_id bigint not null,
  emoji text not null,
  primary key (chat_id, message_id, user_id, emoji)
);

create table message_pins (
  chat_id bigint not null,
  message_id bigint not null,
  pinned_by bigint not null,
  pinned_at timestamptz not null default now(),
  -- The chat's revision by which it was pinned: the order of pins.
  revision bigint not null,
  primary key (chat_id, message_id)
);
create index message_pins_order_idx on message_pins (chat_id, revision);

-- What a message said until it was edited.
create table message_edits (
  chat_id bigint not null,
  message_id bigint not null,
  -- The message's revision when it said so.
  revision bigint not null,
  content text,
  written_at timestamptz not null,
  primary key (chat_id, message_id, revision)
);

create table chat_drafts (
  user_id bigint not null,
  chat_id bigint not null,
  content text not null,
  reply_to_message_id bigint,
  updated_at timestamptz(3) not null default now(),
  primary key (user_id, chat_id)
);

-- The read mark at which the member marked the chat unread: reading on, and sending, end it without a write of its own.
alter table chat_members add column marked_unread_seq bigint;
