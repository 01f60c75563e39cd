/*
 * Users in a database, by unixODBC: PostgreSQL, MariaDB, SQLite, Oracle, SQL Server through their drivers
 * (docs/identity-providers.md). Names and passwords are bound as parameters, as UTF-16, which no driver guesses about.
 *
 * Time: what drivers do with SQL_ATTR_LOGIN_TIMEOUT and SQL_ATTR_QUERY_TIMEOUT differs, and with a server that is
 * stopped or behind a silent firewall most of them wait for as long as TCP does. So the driver is called in a thread of
 * the handle, and a question that is late is left to it: the answer is UNAVAILABLE at the deadline, and the next
 * question has a new connection in a new thread. At most TG_DATABASE_LOST_MAX such threads of a handle are waited for
 * by nobody; with more, questions are UNAVAILABLE at once until the driver has given one back (a TCP time-out of the
 * driver's own, such as tcp_user_timeout, shortens that). Only hashing a password is done after the deadline's watch.
 *
 * The user's row counts if it is the only one. The driver's own words are in a fault only where they cannot quote a
 * value that was bound. A connection that has broken since the last question is made anew once, quietly.
 *
 * list gives no roles.
 */
#ifndef TG_IDENTITY_DATABASE_DATABASE_H
#define TG_IDENTITY_DATABASE_DATABASE_H

#include "identity/identity.h"

#define TG_DATABASE_LOST_MAX 4

tg_err_t tg_identity_database_open(const tg_identity_provider_t *p, tg_identity_t **out,
                                   tg_fault_t *fault) TG_MUST_CHECK;

#endif
