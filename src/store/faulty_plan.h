/*
 * How a faulty store decides; shared by both of them.
 */
#ifndef TG_STORE_FAULTY_PLAN_H
#define TG_STORE_FAULTY_PLAN_H

#include "store/faulty.h"

/* Counts a call: does it fail? */
static inline bool tg_fault_due(tg_fault_plan_t *plan) {
    long count = plan->fail_count > 0 ? plan->fail_count : 1;
    plan->calls++;
    return plan->fail_at > 0 && plan->calls >= plan->fail_at && plan->calls - plan->fail_at < count;
}

#define FAULTY(s, type, call)                                                                                          \
    ({                                                                                                                 \
        type *faulty = (type *)(s);                                                                                    \
        tg_err_t result = TG_OK;                                                                                       \
        bool due = tg_fault_due(faulty->plan);                                                                         \
        if (!due || faulty->plan->after) {                                                                             \
            result = (call);                                                                                           \
            (s)->fault = faulty->inner->fault;                                                                         \
        }                                                                                                              \
        if (due) {                                                                                                     \
            (s)->fault = (tg_fault_t){.field = ""};                                                                    \
            result = tg_fault(&(s)->fault, faulty->plan->err, "store", "a fault was planned here");                    \
        }                                                                                                              \
        result;                                                                                                        \
    })

#endif
