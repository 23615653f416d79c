-- In the database itself: nobody but the four logins' groups gets in, and nothing is created beside the schema.
SELECT format('REVOKE ALL ON DATABASE %I FROM PUBLIC', :'database') \gexec
SELECT format('GRANT CONNECT ON DATABASE %I TO absurd_reader, absurd_client, absurd_leader, absurd_admin', :'database') \gexec
REVOKE ALL ON SCHEMA public FROM PUBLIC;
