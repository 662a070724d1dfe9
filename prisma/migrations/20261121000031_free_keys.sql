-- migrate:up
set role conducktor_system;

-- Gives back the idempotency keys of calls whose intent was committed although their gateway did not hear
-- of it: they were refused as not recorded and never sent, so their keys must work when tried again.
create function free_idempotency_keys(p_tenant text[], p_hash text[], p_call text[]) returns void
  language sql security definer set search_path = public, pg_temp as $$
  delete from idempotency_key k
   using unnest(p_tenant, p_hash, p_call) u(tenant, hash, call)
   where k.tenant_id = u.tenant and k.key_hash = u.hash and k.call_id = u.call and k.answer is null
$$;
grant execute on function free_idempotency_keys(text[], text[], text[]) to conducktor_gateway;
reset role;

-- migrate:down
select 1;
