/* JSON from a peer, read by field tables and, when it is accepted, written again. */
#include "zone/host_spec.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    struct host_spec spec = {0};
    struct metrics_report metrics = {0};
    if (record_parse(&host_spec_record, arena, (const char *)bytes, length, &spec, NULL) == 0)
        record_text(&host_spec_record, arena, &spec);
    if (record_parse(&metrics_report_record, arena, (const char *)bytes, length, &metrics, NULL) == 0)
        record_text(&metrics_report_record, arena, &metrics);
    return 0;
}
