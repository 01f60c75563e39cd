/* Which scopes a token gets (RFC 6749 3.3; token-api.md "Scopes"). Pure. */
#ifndef TG_OAUTH_SCOPE_H
#define TG_OAUTH_SCOPE_H

#include "model/token_management.h"
#include "oauth/issue.h"

/* RFC 6749 3.3: scope-token = 1*NQCHAR, one space between two; at most TG_SCOPE_MAX bytes. */
bool tg_scope_is_valid(tg_str_t scope);

/* Sets the plan's scope, for all grants but refresh (whose record says what was granted), after tg_grant_decide.
 * `roles` are the principal's: of the credential, of the application key, or of the user. The
 * two behaviours are apart: scopeMismatchBehavior is about a scope that was requested, scopeNotRequestedBehavior about
 * none. rejectWhenNoRoles refuses a principal without roles whatever it requested, except under IGNORE_REQUEST. The
 * scope is resolved, and so in the response even if it is empty, unless none was requested under NO_SCOPE. It is
 * allocated from the arena. TG_OAUTH_SERVER_ERROR: no memory, or the roles make a longer scope than TG_SCOPE_MAX. */
tg_oauth_error_t tg_scope_resolve(const tg_token_management_t *m, const tg_token_request_t *req, const tg_str_t *roles,
                                  size_t n_roles, tg_arena_t *a, tg_grant_plan_t *plan, const char **why);

/* The roles of a user that the gateway does not keep travel in the token. Without a resolved scope, they become
 * plan->scope with has_scope false: not told to the client, but the roles that count. TG_OAUTH_SERVER_ERROR: no memory,
 * or longer than TG_SCOPE_MAX. */
tg_oauth_error_t tg_scope_carry(const tg_str_t *roles, size_t n_roles, tg_arena_t *a, tg_grant_plan_t *plan,
                                const char **why);
/* At a refresh, when the user has these roles now: what is left of `scope`. TG_ERR_NOMEM. */
tg_err_t tg_scope_narrow(tg_str_t scope, const tg_str_t *roles, size_t n_roles, tg_arena_t *a,
                         tg_str_t *out) TG_MUST_CHECK;
/* The words of a scope; out has room for as many (scope.n / 2 + 1). Returns how many. */
size_t tg_scope_words(tg_str_t scope, tg_str_t *out);

/* Whether `word` is one of the scope's. */
bool tg_scope_has(tg_str_t scope, tg_str_t word);

/* The roles that count at a proxied API: the principal's, and only those of them in the token's scope if scopes were
 * resolved. Views borrow from `roles`; out has room for n_roles. Returns how many. */
size_t tg_roles_effective(const tg_str_t *roles, size_t n_roles, bool has_scope, tg_str_t scope, tg_str_t *out);

#endif
