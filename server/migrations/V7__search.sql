-- Search has an index of its own, apart from messages and filled behind the writes: on the hot table it would cost half
-- the write rate (docs/decisions/0009-search-apart.md).
--
-- pg_trgm knows only the letters of the database's LC_CTYPE: in one with C it finds no trigram in Cyrillic, and nowhere
-- one in emoji. These grams are made of characters, whatever they are.

-- What a text and a term are compared as. The collation is named, so that case folds alike in every database.
create function search_fold(content text) returns text
language sql immutable parallel safe
return replace(lower(normalize(content, nfc) collate "und-x-icu"), 'ς', 'σ');

-- Hashes of the runs of three characters; and where a character says as much as a word does elsewhere (CJK, kana,
-- hangul, emoji: everything from U+2E80 on), of single ones and pairs too.
create function search_grams(folded text) returns integer[]
language plpgsql immutable parallel safe as $$
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
$$;

-- What else is searched by, as numbers that cannot be taken for one another: the chat, the sender and the type of a
-- message, its week (2^29 ms: 6.2 days) and its day (2^26 ms: 18.6 hours), whether it has a file or a link.
create function search_keys(
  chat_id bigint, sender_id bigint, id bigint, message_type text, file_id bigint, content text
) returns bigint[]
language sql immutable parallel safe
return array[
    chat_id * 8, sender_id * 8 + 1, (id >> 41) * 8 + 2, hashtext(message_type)::bigint * 8 + 3, (id >> 38) * 8 + 6
  ]
  || case when file_id is not null then array[4::bigint] end
  || case when content ~* '\mhttps?://\S' then array[5::bigint] end;

create table message_search (
  chat_id bigint not null,
  id bigint not null,
  keys bigint[] not null,
  folded text not null,
  primary key (chat_id, id)
);
create index message_search_idx on message_search using gin (keys, search_grams(folded))
  with (fastupdate = on, gin_pending_list_limit = 4096);

-- Up to which revision a chat is indexed; what is newer is read from messages.
create table message_search_marks (
  chat_id bigint primary key,
  revision bigint not null
) with (fillfactor = 70);
