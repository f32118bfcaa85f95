#include "configserver/simulator/clockwork.h"

#include "base/memory.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>

enum { STACK_BYTES = 1 << 20 }; /* pages that are not touched cost nothing */

struct planned {
    int64_t when_ms;
    uint64_t order;
    occurrence *happens;
    void *context;
    int64_t number;
};

/* A body and the stack it runs on; kept for the next body when it ended. */
struct fiber {
    struct fiber *next; /* of those that are free */
    struct clockwork *clockwork;
    ucontext_t here, caller;
    void *stack;
    clockwork_body *body;
    void *context;
};

struct clockwork {
    int64_t now_ms;
    struct planned *heap; /* the next first */
    size_t count, capacity;
    uint64_t orders;
    struct fiber *running, *free;
    struct fiber **all;
    size_t fiber_count;
};

struct clockwork *clockwork_new(int64_t now_ms)
{
    struct clockwork *clockwork = memory_alloc(sizeof *clockwork);
    clockwork->now_ms = now_ms;
    return clockwork;
}

void clockwork_free(struct clockwork **clockwork)
{
    struct clockwork *old = take(clockwork);
    if (!old)
        return;
    for (size_t i = 0; i < old->fiber_count; i++) {
        munmap(old->all[i]->stack, STACK_BYTES);
        free(old->all[i]);
    }
    free(old->all);
    free(old->heap);
    free(old);
}

int64_t clockwork_now_ms(const struct clockwork *clockwork)
{
    return clockwork->now_ms;
}

static bool is_before(const struct planned *a, const struct planned *b)
{
    return a->when_ms != b->when_ms ? a->when_ms < b->when_ms : a->order < b->order;
}

void clockwork_at(struct clockwork *clockwork, int64_t when_ms, occurrence *happens, void *context,
                  int64_t number)
{
    if (clockwork->count == clockwork->capacity) {
        clockwork->capacity = clockwork->capacity ? 2 * clockwork->capacity : 256;
        clockwork->heap = memory_resize(clockwork->heap, clockwork->capacity, sizeof *clockwork->heap);
    }
    struct planned planned = {when_ms > clockwork->now_ms ? when_ms : clockwork->now_ms, clockwork->orders++,
                              happens, context, number};
    size_t at = clockwork->count++;
    for (; at > 0 && is_before(&planned, &clockwork->heap[(at - 1) / 2]); at = (at - 1) / 2)
        clockwork->heap[at] = clockwork->heap[(at - 1) / 2];
    clockwork->heap[at] = planned;
}

void clockwork_after(struct clockwork *clockwork, int64_t wait_ms, occurrence *happens, void *context,
                     int64_t number)
{
    clockwork_at(clockwork, clockwork->now_ms + wait_ms, happens, context, number);
}

static struct planned take_first(struct clockwork *clockwork)
{
    struct planned first = clockwork->heap[0], last = clockwork->heap[--clockwork->count];
    size_t at = 0, child;
    while ((child = 2 * at + 1) < clockwork->count) {
        if (child + 1 < clockwork->count && is_before(&clockwork->heap[child + 1], &clockwork->heap[child]))
            child++;
        if (!is_before(&clockwork->heap[child], &last))
            break;
        clockwork->heap[at] = clockwork->heap[child];
        at = child;
    }
    clockwork->heap[at] = last;
    return first;
}

bool clockwork_step(struct clockwork *clockwork, int64_t until_ms)
{
    if (clockwork->count == 0 || clockwork->heap[0].when_ms >= until_ms) {
        clockwork->now_ms = until_ms;
        return false;
    }
    struct planned next = take_first(clockwork);
    clockwork->now_ms = next.when_ms;
    next.happens(next.context, next.number);
    return true;
}

static void run_bodies(unsigned low, unsigned high)
{
    struct fiber *fiber = (struct fiber *)((uintptr_t)high << 32 | low); /* makecontext passes ints */
    for (;;) {
        fiber->body(fiber->context);
        fiber->body = NULL;
        swapcontext(&fiber->here, &fiber->caller);
    }
}

static struct fiber *fiber_new(struct clockwork *clockwork)
{
    struct fiber *fiber = memory_alloc(sizeof *fiber);
    fiber->clockwork = clockwork;
    fiber->stack = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (fiber->stack == MAP_FAILED)
        abort();
    getcontext(&fiber->here);
    fiber->here.uc_stack.ss_sp = fiber->stack;
    fiber->here.uc_stack.ss_size = STACK_BYTES;
    uintptr_t self = (uintptr_t)fiber;
    makecontext(&fiber->here, (void (*)(void))run_bodies, 2, (unsigned)self, (unsigned)(self >> 32));
    clockwork->all = memory_resize(clockwork->all, clockwork->fiber_count + 1, sizeof *clockwork->all);
    clockwork->all[clockwork->fiber_count++] = fiber;
    return fiber;
}

static void resume(struct fiber *fiber)
{
    struct clockwork *clockwork = fiber->clockwork;
    struct fiber *before = clockwork->running;
    clockwork->running = fiber;
    swapcontext(&fiber->caller, &fiber->here);
    clockwork->running = before;
    if (!fiber->body) {
        fiber->next = clockwork->free;
        clockwork->free = fiber;
    }
}

void clockwork_run(struct clockwork *clockwork, clockwork_body *body, void *context)
{
    struct fiber *fiber = clockwork->free;
    if (fiber)
        clockwork->free = fiber->next;
    else
        fiber = fiber_new(clockwork);
    fiber->body = body;
    fiber->context = context;
    resume(fiber);
}

static void wake(void *context, int64_t number)
{
    (void)number;
    resume(context);
}

void clockwork_sleep(struct clockwork *clockwork, int64_t wait_ms)
{
    struct fiber *fiber = clockwork->running;
    if (!fiber)
        return;
    clockwork_after(clockwork, wait_ms, wake, fiber, 0);
    swapcontext(&fiber->here, &fiber->caller);
}
