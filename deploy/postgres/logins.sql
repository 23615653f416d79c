-- The logins and the database. Passwords come from the environment; an unset one leaves the login's as it is.
\getenv owner_password ABSURD_OWNER_PASSWORD
\getenv node_password ABSURD_NODE_PASSWORD
\getenv operator_password ABSURD_OPERATOR_PASSWORD
\getenv viewer_password ABSURD_VIEWER_PASSWORD
SET password_encryption = 'scram-sha-256';
-- Statements with passwords stay out of the server's log, failed ones too.
SET log_statement = 'none';
SET log_min_error_statement = 'panic';
SET log_min_duration_statement = -1;

-- The groups that the schema grants to (0014_roles.sql); made here because the owner may not create roles.
SELECT format('CREATE ROLE %I NOLOGIN', r) FROM unnest('{absurd_reader,absurd_client,absurd_leader,absurd_admin}'::text[]) r
WHERE to_regrole(r) IS NULL \gexec
SELECT format('CREATE ROLE %I LOGIN NOINHERIT', 'absurd_owner') WHERE to_regrole('absurd_owner') IS NULL \gexec
SELECT format('CREATE ROLE %I LOGIN', r) FROM unnest('{absurd_node,absurd_operator,absurd_viewer}'::text[]) r
WHERE to_regrole(r) IS NULL \gexec

GRANT absurd_leader TO absurd_node;
GRANT absurd_client, absurd_admin TO absurd_operator;
GRANT absurd_reader TO absurd_viewer;
-- A viewer's long look must not hold back vacuum; a forgotten transaction neither.
ALTER ROLE absurd_viewer SET statement_timeout = '30s';
ALTER ROLE absurd_viewer SET default_transaction_read_only = on;
ALTER ROLE absurd_viewer SET idle_in_transaction_session_timeout = '30s';
ALTER ROLE absurd_operator SET idle_in_transaction_session_timeout = '5min';

\if :{?owner_password}
ALTER ROLE absurd_owner PASSWORD :'owner_password';
\endif
\if :{?node_password}
ALTER ROLE absurd_node PASSWORD :'node_password';
\endif
\if :{?operator_password}
ALTER ROLE absurd_operator PASSWORD :'operator_password';
\endif
\if :{?viewer_password}
ALTER ROLE absurd_viewer PASSWORD :'viewer_password';
\endif

SELECT format('CREATE DATABASE %I OWNER absurd_owner ENCODING ''UTF8'' TEMPLATE template0', :'database')
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'database') \gexec
