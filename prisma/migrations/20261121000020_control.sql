-- migrate:up
set role conducktor_system;

-- The account behind an address, made without a password when there is none yet: all that the control
-- plane may do with accounts, which belong to no workspace. The answer is the same either way.
create function account_for_member(p_email text, p_new_id text) returns text
  language plpgsql security definer set search_path = public as $$
declare account text;
begin
  insert into user_account (id, email) values (p_new_id, p_email) on conflict ((lower(email))) do nothing;
  select id into account from user_account where lower(email) = lower(p_email);
  return account;
end $$;
grant execute on function account_for_member(text, text) to conducktor_app;
reset role;

-- migrate:down
select 1;
