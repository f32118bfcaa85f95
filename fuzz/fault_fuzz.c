/* A fault as the admin API takes it: read, checked, asked a few times and written again so that it reads the same. */
#include "base/text.h"
#include "localaws/faults/fault.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    struct fault fault = {.probability = 1, .seed = 1}, again = fault;
    double drawn;
    if (record_parse(&fault_record, arena, (const char *)bytes, length, &fault, NULL) < 0 || fault_check(&fault, NULL) < 0)
        return 0;
    char *text = record_text(&fault_record, arena, &fault);
    assert(record_parse(&fault_record, arena, text, strlen(text), &again, NULL) == 0);
    assert(text_equal(text, record_text(&fault_record, arena, &again)));
    for (int i = 0; i < 8; i++)
        if (fault_fires(&fault, &drawn)) {
            int64_t ms = fault_ms(&fault, drawn);
            assert(ms >= fault.ms && (ms <= fault.most_ms || ms == fault.ms));
        }
    fault_pattern(fault.action, "RunInstances");
    return 0;
}
