#pragma once

/*
 * What happens before anything else: the environment, open descriptors and limits the process was
 * born with could leak secrets (SSLKEYLOGFILE), bend connections (proxy variables, OPENSSL_CONF) or
 * let SQLite open its database as standard error.
 */

/*
 * Moves the environment aside (cli_getenv() still answers from it, for {env: NAME}) and leaves the
 * process only harmless variables; umask 077; closes descriptors above 2 but those @argv names as
 * /dev/fd/N; fills 0 to 2; no core dumps; ignores SIGPIPE. Call once, first.
 */
void start_clean(char **argv);
