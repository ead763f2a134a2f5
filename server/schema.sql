-- What the migrations come to; written by `npm run schema --workspace server`. A test keeps it true.

create extension pg_trgm;

create sequence message_id_low_bits minvalue 0 maxvalue 4095 cycle;

CREATE OR REPLACE FUNCTION public.avatar_url(room text, id bigint, file_id bigint)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
RETURN ((((('/'::text || room) || '/'::text) || (id)::text) || '/avatar?v='::text) || (file_id)::text);
CREATE OR REPLACE FUNCTION public.check_file()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  insert into file_jobs (file_id, kind) select id, 'check' from files where id = (to_jsonb(old) ->> tg_argv[0])::bigint
  on conflict (file_id, kind) do update set due_at = least(file_jobs.due_at, excluded.due_at);
  return null;
end
$function$;
CREATE OR REPLACE FUNCTION public.count_changed_users()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
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
$function$;
CREATE OR REPLACE FUNCTION public.count_gone_chats()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  insert into daily_counts as d (name, day, shard, value)
  select 'chats_' || type, '-infinity', pg_backend_pid() % 8, -count(*) from stale group by 1 order by 1
  on conflict (name, day, shard) do update set value = d.value + excluded.value;
  return null;
end
$function$;
CREATE OR REPLACE FUNCTION public.count_gone_messages()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  insert into daily_counts as d (name, day, shard, value)
  select 'messages_gone', '-infinity', pg_backend_pid() % 8, sum(last_seq) from stale having sum(last_seq) > 0
  on conflict (name, day, shard) do update set value = d.value + excluded.value;
  return null;
end
$function$;
CREATE OR REPLACE FUNCTION public.count_gone_users()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  insert into daily_counts as d (name, day, shard, value)
  select c.name, c.day, pg_backend_pid() % 8, -count(*) from stale u, counted_user(u) c group by 1, 2 order by 1, 2
  on conflict (name, day, shard) do update set value = d.value + excluded.value;
  return null;
end
$function$;
CREATE OR REPLACE FUNCTION public.count_new_chats()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  insert into daily_counts as d (name, day, shard, value)
  select 'chats_' || type, '-infinity', pg_backend_pid() % 8, count(*) from fresh group by 1 order by 1
  on conflict (name, day, shard) do update set value = d.value + excluded.value;
  return null;
end
$function$;
CREATE OR REPLACE FUNCTION public.count_new_users()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  insert into daily_counts as d (name, day, shard, value)
  select c.name, c.day, pg_backend_pid() % 8, count(*) from fresh u, counted_user(u) c group by 1, 2 order by 1, 2
  on conflict (name, day, shard) do update set value = d.value + excluded.value;
  return null;
end
$function$;
CREATE OR REPLACE FUNCTION public.ensure_message_partitions(first timestamp with time zone, months integer)
 RETURNS integer
 LANGUAGE plpgsql
AS $function$
declare
  made integer := 0;
  month timestamptz := date_trunc('month', first at time zone 'UTC') at time zone 'UTC';
  lower_bound text;
  upper_bound bigint;
  name text;
begin
  perform pg_advisory_xact_lock(hashtext('ensure_message_partitions'));
  for i in 0 .. months loop
    name := 'messages_' || to_char(month at time zone 'UTC', 'YYYY_MM');
    upper_bound := message_id_at((month at time zone 'UTC' + interval '1 month') at time zone 'UTC');
    if to_regclass(name) is null then
      if made = 0 then
        alter table messages detach partition messages_beyond;
      end if;
      -- The very first month takes everything before it too.
      select case when count(*) = 0 then 'minvalue' else message_id_at(month)::text end into lower_bound
        from pg_inherits where inhparent = 'messages'::regclass;
      execute format('create table %I partition of messages for values from (%s) to (%s)',
        name, lower_bound, upper_bound);
      made := made + 1;
    end if;
    month := (month at time zone 'UTC' + interval '1 month') at time zone 'UTC';
  end loop;
  if made > 0 then
    execute format('alter table messages attach partition messages_beyond for values from (%s) to (maxvalue)', upper_bound);
  end if;
  return made;
end
$function$;
CREATE OR REPLACE FUNCTION public.message_id_at(at timestamp with time zone)
 RETURNS bigint
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
RETURN (((floor((EXTRACT(epoch FROM at) * (1000)::numeric)))::bigint - '1735689600000'::bigint) << 12);
CREATE OR REPLACE FUNCTION public.refuse_audit_change()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  raise exception 'the audit log stays as it is';
end
$function$;
CREATE OR REPLACE FUNCTION public.search_fold(content text)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
RETURN replace(lower((NORMALIZE(content, NFC) COLLATE "und-x-icu")), 'ς'::text, 'σ'::text);
CREATE OR REPLACE FUNCTION public.search_grams(folded text)
 RETURNS integer[]
 LANGUAGE plpgsql
 IMMUTABLE PARALLEL SAFE
AS $function$
declare
  signs text[] := string_to_array(folded, null);
begin
  if folded ~ '[^\u0001-\u2E7F]' then
    return array(
      select hashtext(a || b || c) from unnest(signs, signs[2:], signs[3:]) as run(a, b, c) where c is not null
      union all
      select hashtext(a || b) from unnest(signs, signs[2:]) as run(a, b)
        where b is not null and (ascii(a) >= 11904 or ascii(b) >= 11904)
      union all
      select hashtext(a) from unnest(signs) as run(a) where ascii(a) >= 11904
    );
  end if;
  return array(
    select hashtext(a || b || c) from unnest(signs, signs[2:], signs[3:]) as run(a, b, c) where c is not null
  );
end
$function$;
CREATE OR REPLACE FUNCTION public.search_keys(chat_id bigint, sender_id bigint, id bigint, message_type text, file_id bigint, content text)
 RETURNS bigint[]
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
RETURN ((ARRAY[(chat_id * 8), ((sender_id * 8) + 1), (((id >> 41) * 8) + 2), (((hashtext(message_type))::bigint * 8) + 3), (((id >> 38) * 8) + 6)] || CASE WHEN (file_id IS NOT NULL) THEN ARRAY[(4)::bigint] ELSE NULL::bigint[] END) || CASE WHEN (content ~* '\mhttps?://\S'::text) THEN ARRAY[(5)::bigint] ELSE NULL::bigint[] END);

create table admin_claims (
  token_hash bytea not null,
  created_at timestamp with time zone not null default now()
);
create table audit_log (
  id bigint not null generated always as identity,
  at timestamp with time zone not null default now(),
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
create table chat_bans (
  chat_id bigint not null,
  user_id bigint not null,
  banned_by bigint not null,
  banned_at timestamp with time zone not null default now()
);
create table chat_departures (
  user_id bigint not null,
  chat_id bigint not null,
  left_at timestamp with time zone not null default now(),
  changed xid8 not null default pg_current_xact_id(),
  joined_at timestamp with time zone
);
create table chat_drafts (
  user_id bigint not null,
  chat_id bigint not null,
  content text not null,
  reply_to_message_id bigint,
  updated_at timestamp(3) with time zone not null default now()
);
create table chat_heads (
  chat_id bigint not null,
  last_seq bigint not null default 0,
  revision bigint not null default 0,
  last_message_id bigint not null default 0,
  preview_message_id bigint,
  last_at timestamp with time zone,
  last_uncounted_seq bigint not null default 0,
  changed xid8 not null default pg_current_xact_id()
) with (fillfactor=40, autovacuum_vacuum_scale_factor=0.02, autovacuum_vacuum_threshold=200, autovacuum_vacuum_cost_delay=0);
create table chat_members (
  chat_id bigint not null,
  user_id bigint not null,
  role text not null default 'member'::text,
  joined_at timestamp with time zone not null default now(),
  last_read_seq bigint not null default 0,
  last_read_msg_id bigint,
  read_at timestamp with time zone,
  cleared_seq bigint not null default 0,
  is_hidden boolean not null default false,
  is_favorite boolean not null default false,
  is_pinned boolean not null default false,
  is_archived boolean not null default false,
  muted_until timestamp with time zone,
  hidden_count integer not null default 0,
  changed xid8 not null default pg_current_xact_id(),
  last_sent_at timestamp with time zone,
  marked_unread_seq bigint
) with (fillfactor=70, autovacuum_vacuum_scale_factor=0.02, autovacuum_vacuum_threshold=200, autovacuum_vacuum_cost_delay=0);
create table chats (
  id bigint not null generated by default as identity,
  type text not null,
  title text,
  description text,
  public_name text,
  owner_id bigint,
  avatar_file_id bigint,
  direct_key text,
  member_count integer not null default 0,
  created_at timestamp with time zone not null default now(),
  changed xid8 not null default pg_current_xact_id(),
  who_may_post text not null default 'members'::text,
  who_may_add text not null default 'members'::text,
  who_may_pin text not null default 'admins'::text,
  slow_mode_seconds integer not null default 0
) with (fillfactor=80);
create table daily_counts (
  name text not null,
  day date not null,
  shard smallint not null,
  value bigint not null
) with (fillfactor=50);
create table file_jobs (
  file_id bigint not null,
  kind text not null,
  due_at timestamp with time zone not null default now(),
  attempts integer not null default 0
);
create table files (
  id bigint not null generated by default as identity,
  uploader_id bigint not null,
  filename text not null,
  mime_type text not null,
  object_key text not null,
  size bigint not null default 0,
  width integer,
  height integer,
  duration_seconds real,
  created_at timestamp with time zone not null default now(),
  stored_at timestamp with time zone,
  claimed_at timestamp with time zone,
  removed_at timestamp with time zone,
  has_preview boolean not null default false,
  has_squares boolean not null default false,
  placeholder text
);
create table invites (
  token text not null,
  chat_id bigint not null,
  created_by bigint not null,
  created_at timestamp with time zone not null default now(),
  expires_at timestamp with time zone,
  max_uses integer,
  use_count integer not null default 0,
  revoked_at timestamp with time zone
);
create table message_client_ids (
  chat_id bigint not null,
  sender_id bigint not null,
  client_id uuid not null,
  message_id bigint not null
);
create table message_edits (
  chat_id bigint not null,
  message_id bigint not null,
  revision bigint not null,
  content text,
  written_at timestamp with time zone not null
);
create table message_pins (
  chat_id bigint not null,
  message_id bigint not null,
  pinned_by bigint not null,
  pinned_at timestamp with time zone not null default now(),
  revision bigint not null
);
create table message_reactions (
  chat_id bigint not null,
  message_id bigint not null,
  user_id bigint not null,
  emoji text not null
);
create table message_search (
  chat_id bigint not null,
  id bigint not null,
  keys bigint[] not null,
  folded text not null
);
create table message_search_marks (
  chat_id bigint not null,
  revision bigint not null
) with (fillfactor=70);
create table message_uncounted (
  chat_id bigint not null,
  seq bigint not null
);
create table messages (
  id bigint not null,
  chat_id bigint not null,
  seq bigint not null,
  revision bigint not null,
  sender_id bigint not null,
  client_id uuid,
  message_type text not null default 'text'::text,
  content text,
  created_at timestamp with time zone not null,
  updated_at timestamp with time zone,
  is_edited boolean not null default false,
  is_deleted boolean not null default false,
  reply_to_message_id bigint,
  file_id bigint,
  sticker_id bigint,
  duration_seconds real,
  waveform smallint[],
  forwarded_from_chat_id bigint,
  forwarded_from_message_id bigint,
  forwarded_from_user_id bigint,
  forwarded_from_display_name text,
  album_id uuid,
  attachment jsonb,
  entities jsonb,
  system_event jsonb,
  reactions jsonb,
  is_pinned boolean not null default false
) partition by RANGE (id);
create table messages_hidden (
  chat_id bigint not null,
  user_id bigint not null,
  message_id bigint not null,
  seq bigint not null,
  changed xid8 not null default pg_current_xact_id()
);
create table refresh_tokens (
  token_hash bytea not null,
  session_id bigint not null,
  user_id bigint not null,
  created_at timestamp with time zone not null default now(),
  expires_at timestamp with time zone not null,
  used_at timestamp with time zone
);
create table sessions (
  id bigint not null generated by default as identity,
  user_id bigint not null,
  created_at timestamp with time zone not null default now(),
  last_used_at timestamp with time zone not null default now(),
  expires_at timestamp with time zone not null,
  ended_at timestamp with time zone,
  user_agent text,
  address text
);
create table sticker_pack_users (
  user_id bigint not null,
  pack_id bigint not null,
  position integer not null
);
create table sticker_packs (
  id bigint not null generated by default as identity,
  owner_id bigint,
  name text not null,
  token text,
  created_at timestamp with time zone not null default now()
);
create table stickers (
  id bigint not null,
  pack_id bigint,
  label text not null,
  position integer not null,
  asset text,
  object_key text,
  is_used boolean not null default false,
  created_at timestamp with time zone not null default now()
);
create table support_answers (
  id bigint not null generated by default as identity,
  title text not null,
  content text not null,
  created_by bigint not null,
  updated_at timestamp with time zone not null default now()
);
create table support_assignments (
  chat_id bigint not null,
  assignee_id bigint not null,
  assigned_at timestamp with time zone not null default now()
);
create table user_message_counts (
  user_id bigint not null,
  sent bigint not null
) with (fillfactor=50);
create table user_settings (
  user_id bigint not null,
  theme text not null default 'system'::text,
  notifications_enabled boolean not null default true,
  language text not null default 'en'::text,
  last_seen_visibility text not null default 'everyone'::text,
  read_receipts_enabled boolean not null default true,
  changed xid8 not null default pg_current_xact_id()
);
create table user_storage (
  user_id bigint not null,
  bytes bigint not null default 0,
  files integer not null default 0
) with (fillfactor=70);
create table users (
  id bigint not null generated by default as identity,
  username text not null,
  email text not null,
  display_name text not null default ''::text,
  bio text,
  password_hash text not null,
  avatar_file_id bigint,
  is_admin boolean not null default false,
  is_blocked boolean not null default false,
  is_active boolean not null default true,
  created_at timestamp with time zone not null default now(),
  last_activity timestamp with time zone,
  is_system boolean not null default false,
  deleted_at timestamp with time zone
) with (fillfactor=80);

CREATE OR REPLACE FUNCTION public.counted_user(u users)
 RETURNS TABLE(name text, day date)
 LANGUAGE sql
 STABLE
AS $function$
  select 'users', '-infinity'::date where u.is_active and not u.is_system
  union all select 'users_blocked', '-infinity'::date where u.is_active and u.is_blocked and not u.is_system
  union all select 'users_new', (u.created_at at time zone 'UTC')::date where not u.is_system
  union all select 'users_last_active', (u.last_activity at time zone 'UTC')::date
    where u.last_activity is not null and not u.is_system
$function$;

create table messages_beyond partition of messages FOR VALUES FROM (MINVALUE) TO (MAXVALUE);

alter table admin_claims add constraint admin_claims_pkey PRIMARY KEY (token_hash);
alter table audit_log add constraint audit_log_pkey PRIMARY KEY (id);
alter table chat_bans add constraint chat_bans_pkey PRIMARY KEY (chat_id, user_id);
alter table chat_departures add constraint chat_departures_pkey PRIMARY KEY (user_id, chat_id);
alter table chat_drafts add constraint chat_drafts_pkey PRIMARY KEY (user_id, chat_id);
alter table chat_heads add constraint chat_heads_pkey PRIMARY KEY (chat_id);
alter table chat_members add constraint chat_members_pkey PRIMARY KEY (chat_id, user_id);
alter table chats add constraint chats_pkey PRIMARY KEY (id);
alter table daily_counts add constraint daily_counts_pkey PRIMARY KEY (name, day, shard);
alter table file_jobs add constraint file_jobs_pkey PRIMARY KEY (file_id, kind);
alter table files add constraint files_pkey PRIMARY KEY (id);
alter table invites add constraint invites_pkey PRIMARY KEY (token);
alter table message_client_ids add constraint message_client_ids_pkey PRIMARY KEY (chat_id, sender_id, client_id);
alter table message_edits add constraint message_edits_pkey PRIMARY KEY (chat_id, message_id, revision);
alter table message_pins add constraint message_pins_pkey PRIMARY KEY (chat_id, message_id);
alter table message_reactions add constraint message_reactions_pkey PRIMARY KEY (chat_id, message_id, user_id, emoji);
alter table message_search add constraint message_search_pkey PRIMARY KEY (chat_id, id);
alter table message_search_marks add constraint message_search_marks_pkey PRIMARY KEY (chat_id);
alter table message_uncounted add constraint message_uncounted_pkey PRIMARY KEY (chat_id, seq);
alter table messages add constraint messages_pkey PRIMARY KEY (chat_id, id);
alter table messages_hidden add constraint messages_hidden_pkey PRIMARY KEY (chat_id, user_id, message_id);
alter table refresh_tokens add constraint refresh_tokens_pkey PRIMARY KEY (token_hash);
alter table sessions add constraint sessions_pkey PRIMARY KEY (id);
alter table sticker_pack_users add constraint sticker_pack_users_pkey PRIMARY KEY (user_id, pack_id);
alter table sticker_packs add constraint sticker_packs_pkey PRIMARY KEY (id);
alter table stickers add constraint stickers_pkey PRIMARY KEY (id);
alter table support_answers add constraint support_answers_pkey PRIMARY KEY (id);
alter table support_assignments add constraint support_assignments_pkey PRIMARY KEY (chat_id);
alter table user_message_counts add constraint user_message_counts_pkey PRIMARY KEY (user_id);
alter table user_settings add constraint user_settings_pkey PRIMARY KEY (user_id);
alter table user_storage add constraint user_storage_pkey PRIMARY KEY (user_id);
alter table users add constraint users_pkey PRIMARY KEY (id);
alter table chat_members add constraint chat_members_role CHECK ((role = ANY (ARRAY['owner'::text, 'admin'::text, 'member'::text])));
alter table chats add constraint chats_slow_mode CHECK (((slow_mode_seconds >= 0) AND (slow_mode_seconds <= 86400)));
alter table chats add constraint chats_type CHECK ((type = ANY (ARRAY['direct'::text, 'group'::text, 'channel'::text])));
alter table chats add constraint chats_who_may_add CHECK ((who_may_add = ANY (ARRAY['members'::text, 'admins'::text])));
alter table chats add constraint chats_who_may_pin CHECK ((who_may_pin = ANY (ARRAY['members'::text, 'admins'::text])));
alter table chats add constraint chats_who_may_post CHECK ((who_may_post = ANY (ARRAY['members'::text, 'admins'::text])));
alter table file_jobs add constraint file_jobs_kind CHECK ((kind = ANY (ARRAY['preview'::text, 'check'::text])));
alter table invites add constraint invites_uses CHECK (((max_uses IS NULL) OR (use_count <= max_uses)));
alter table sticker_packs add constraint sticker_packs_shared CHECK (((owner_id IS NULL) = (token IS NULL)));
alter table stickers add constraint stickers_picture CHECK ((num_nonnulls(asset, object_key) = 1));
alter table user_settings add constraint user_settings_theme CHECK ((theme = ANY (ARRAY['light'::text, 'dark'::text, 'system'::text])));
alter table user_settings add constraint user_settings_visibility CHECK ((last_seen_visibility = ANY (ARRAY['everyone'::text, 'approx_only'::text, 'nobody'::text])));
alter table file_jobs add constraint file_jobs_file_id_fkey FOREIGN KEY (file_id) REFERENCES files(id) ON DELETE CASCADE;
alter table refresh_tokens add constraint refresh_tokens_session_id_fkey FOREIGN KEY (session_id) REFERENCES sessions(id) ON DELETE CASCADE;
alter table sessions add constraint sessions_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE;
alter table sticker_pack_users add constraint sticker_pack_users_pack_id_fkey FOREIGN KEY (pack_id) REFERENCES sticker_packs(id) ON DELETE CASCADE;
alter table sticker_pack_users add constraint sticker_pack_users_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE;
alter table sticker_packs add constraint sticker_packs_owner_id_fkey FOREIGN KEY (owner_id) REFERENCES users(id) ON DELETE CASCADE;
alter table stickers add constraint stickers_pack_id_fkey FOREIGN KEY (pack_id) REFERENCES sticker_packs(id) ON DELETE SET NULL;
alter table support_assignments add constraint support_assignments_assignee_id_fkey FOREIGN KEY (assignee_id) REFERENCES users(id);
alter table support_assignments add constraint support_assignments_chat_id_fkey FOREIGN KEY (chat_id) REFERENCES chats(id) ON DELETE CASCADE;
alter table user_settings add constraint user_settings_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE;

CREATE INDEX audit_log_action_idx ON public.audit_log USING btree (action, id);
CREATE INDEX audit_log_actor_idx ON public.audit_log USING btree (actor_id, id);
CREATE INDEX audit_log_target_idx ON public.audit_log USING btree (target_id, id);
CREATE INDEX chat_members_joined_idx ON public.chat_members USING btree (chat_id, joined_at, user_id);
CREATE INDEX chat_members_user_idx ON public.chat_members USING btree (user_id, chat_id);
CREATE INDEX chats_avatar_idx ON public.chats USING btree (avatar_file_id) WHERE (avatar_file_id IS NOT NULL);
CREATE UNIQUE INDEX chats_direct_key_key ON public.chats USING btree (direct_key);
CREATE UNIQUE INDEX chats_public_name_key ON public.chats USING btree (lower(public_name));
CREATE INDEX file_jobs_due_idx ON public.file_jobs USING btree (due_at);
CREATE UNIQUE INDEX files_object_key_key ON public.files USING btree (object_key);
CREATE INDEX files_uploader_idx ON public.files USING btree (uploader_id, id);
CREATE INDEX invites_chat_idx ON public.invites USING btree (chat_id, created_at, token);
CREATE INDEX message_pins_order_idx ON public.message_pins USING btree (chat_id, revision);
CREATE INDEX message_search_idx ON public.message_search USING gin (keys, search_grams(folded)) WITH (fastupdate='on', gin_pending_list_limit='4096');
CREATE INDEX messages_file_idx ON public.messages USING btree (file_id) WHERE (file_id IS NOT NULL);
CREATE INDEX messages_hidden_user_idx ON public.messages_hidden USING btree (user_id, changed);
CREATE INDEX messages_revision_idx ON public.messages USING btree (chat_id, revision);
CREATE INDEX refresh_tokens_session_idx ON public.refresh_tokens USING btree (session_id);
CREATE INDEX sessions_user_idx ON public.sessions USING btree (user_id) WHERE (ended_at IS NULL);
CREATE INDEX sticker_pack_users_pack_idx ON public.sticker_pack_users USING btree (pack_id);
CREATE INDEX sticker_packs_owner_idx ON public.sticker_packs USING btree (owner_id);
CREATE UNIQUE INDEX sticker_packs_token_key ON public.sticker_packs USING btree (token);
CREATE INDEX stickers_pack_idx ON public.stickers USING btree (pack_id, "position");
CREATE INDEX users_admins_idx ON public.users USING btree (id) WHERE is_admin;
CREATE INDEX users_avatar_idx ON public.users USING btree (avatar_file_id) WHERE (avatar_file_id IS NOT NULL);
CREATE INDEX users_blocked_idx ON public.users USING btree (id) WHERE is_blocked;
CREATE UNIQUE INDEX users_email_key ON public.users USING btree (lower(email));
CREATE INDEX users_email_search_idx ON public.users USING gin (lower(email) gin_trgm_ops);
CREATE INDEX users_search_idx ON public.users USING gin ((((lower(username) || ' '::text) || lower(display_name))) gin_trgm_ops);
CREATE UNIQUE INDEX users_system_key ON public.users USING btree (is_system) WHERE is_system;
CREATE UNIQUE INDEX users_username_key ON public.users USING btree (lower(username));

CREATE TRIGGER audit_log_stays BEFORE DELETE OR UPDATE OR TRUNCATE ON public.audit_log FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change();
CREATE TRIGGER chat_heads_counted_out AFTER DELETE ON public.chat_heads REFERENCING OLD TABLE AS stale FOR EACH STATEMENT EXECUTE FUNCTION count_gone_messages();
CREATE TRIGGER chats_avatar_deleted AFTER DELETE ON public.chats FOR EACH ROW WHEN ((old.avatar_file_id IS NOT NULL)) EXECUTE FUNCTION check_file('avatar_file_id');
CREATE TRIGGER chats_avatar_let_go AFTER UPDATE OF avatar_file_id ON public.chats FOR EACH ROW WHEN (((old.avatar_file_id IS NOT NULL) AND (new.avatar_file_id IS DISTINCT FROM old.avatar_file_id))) EXECUTE FUNCTION check_file('avatar_file_id');
CREATE TRIGGER chats_counted_in AFTER INSERT ON public.chats REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION count_new_chats();
CREATE TRIGGER chats_counted_out AFTER DELETE ON public.chats REFERENCING OLD TABLE AS stale FOR EACH STATEMENT EXECUTE FUNCTION count_gone_chats();
CREATE TRIGGER messages_file_deleted AFTER DELETE ON public.messages FOR EACH ROW WHEN ((old.file_id IS NOT NULL)) EXECUTE FUNCTION check_file('file_id');
CREATE TRIGGER messages_file_let_go AFTER UPDATE ON public.messages FOR EACH ROW WHEN (((old.file_id IS NOT NULL) AND (NOT old.is_deleted) AND (new.is_deleted OR (new.file_id IS DISTINCT FROM old.file_id)))) EXECUTE FUNCTION check_file('file_id');
CREATE TRIGGER users_avatar_let_go AFTER UPDATE OF avatar_file_id ON public.users FOR EACH ROW WHEN (((old.avatar_file_id IS NOT NULL) AND (new.avatar_file_id IS DISTINCT FROM old.avatar_file_id))) EXECUTE FUNCTION check_file('avatar_file_id');
CREATE TRIGGER users_counted_in AFTER INSERT ON public.users REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION count_new_users();
CREATE TRIGGER users_counted_on AFTER UPDATE ON public.users REFERENCING OLD TABLE AS stale NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION count_changed_users();
CREATE TRIGGER users_counted_out AFTER DELETE ON public.users REFERENCING OLD TABLE AS stale FOR EACH STATEMENT EXECUTE FUNCTION count_gone_users();

create view chat_favorites as
 SELECT user_id,
    chat_id
   FROM chat_members
  WHERE is_favorite;
create view chat_mute_settings as
 SELECT user_id,
    chat_id,
    NULLIF(muted_until, 'infinity'::timestamp with time zone) AS muted_until
   FROM chat_members
  WHERE (muted_until IS NOT NULL);
create view message_read_receipts as
 SELECT user_id,
    chat_id,
    last_read_msg_id,
    last_read_seq,
    read_at
   FROM chat_members
  WHERE (last_read_seq > 0);
