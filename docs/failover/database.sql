CREATE ROLE timapp LOGIN PASSWORD 'a-fourth-long-random-text';
CREATE DATABASE timapp OWNER timapp;
