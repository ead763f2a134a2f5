-- Whoever is muted for ever is so until null, as on the wire.
create or replace view chat_mute_settings as
  select user_id, chat_id, nullif(muted_until, 'infinity') as muted_until from chat_members where muted_until is not null;
