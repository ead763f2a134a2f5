-- Messages of every kind, and what a chat lets its members do.
--
-- What a message carries beside its text is denormalised into its row: a page of history stays one ordered walk
-- without a join, and a plain text pays for none of it.

alter table messages
  add column album_id uuid,
  -- What was attached, as it was when it was sent: a file's name, type, size …, or a sticker's label.
  add column attachment jsonb,
  -- Mentions and links, as ranges in UTF-16 units.
  add column entities jsonb,
  -- What a `system` message says, worded by clients.
  add column system_event jsonb,
  -- [{emoji, count}], kept by every reaction.
  add column reactions jsonb,
  add column is_pinned boolean not null default false;

alter table chats
  add column who_may_post text not null default 'members',
  add column who_may_add text not null default 'members',
  add column who_may_pin text not null default 'admins',
  add column slow_mode_seconds integer not null default 0,
  add constraint chats_who_may_post check (who_may_post in ('members', 'admins')),
  add constraint chats_who_may_add check (who_may_add in ('members', 'admins')),
  add constraint chats_who_may_pin check (who_may_pin in ('members', 'admins')),
  add constraint chats_slow_mode check (slow_mode_seconds between 0 and 86400);
update chats set who_may_post = 'admins', who_may_add = 'admins' where type = 'channel';

alter table chat_members add column last_sent_at timestamptz;

-- Not only tombstones: what a chat says of itself is left out of unread in the same way.
alter table message_tombstones rename to message_uncounted;
alter table message_uncounted rename constraint message_tombstones_pkey to message_uncounted_pkey;
alter table chat_heads rename column last_tombstone_seq to last_uncounted_seq;
