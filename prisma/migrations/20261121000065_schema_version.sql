-- migrate:up
-- Services wait until the schema is as new as they need: the names of the migrations are no secret.
grant select on schema_migrations to conducktor_gateway, conducktor_app, conducktor_auth, conducktor_audit;

-- migrate:down
revoke select on schema_migrations from conducktor_gateway, conducktor_app, conducktor_auth, conducktor_audit;
