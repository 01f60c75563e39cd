/*
 * A thread beside the caller's, for calls of a library that may hang whatever time-out it was given. The caller waits
 * until its deadline and no longer; after that thread and work are left to themselves, and end when the library gives
 * them back. Internal to the database kind.
 */
#ifndef TG_IDENTITY_DATABASE_ASIDE_H
#define TG_IDENTITY_DATABASE_ASIDE_H

#include <stdbool.h>
#include <stdint.h>

typedef struct tg_aside tg_aside_t;
typedef void (*tg_aside_fn)(void *work);

/* The thread owns `work`, which it hands to `end` last of all. NULL: no memory or no thread; `work` is still the
 * caller's. */
tg_aside_t *tg_aside_new(void *work, tg_aside_fn end);
/* Calls fn(work) there, where nothing is under way. true: it is done, and `work` is the caller's to look at until the
 * next call. false: the deadline (tg_identity_now) has passed: `work` is not to be touched any more, and the thread
 * ends after this call. */
bool tg_aside_call(tg_aside_t *a, tg_aside_fn fn, int64_t deadline);
/* Whether the thread has ended, after a call that was too late. */
bool tg_aside_has_ended(tg_aside_t *a);
/* Ends the thread and waits for it until the deadline; then it ends by itself later. */
void tg_aside_free(tg_aside_t *a, int64_t deadline);

#endif
