/* Rotation: a key gets new material and keeps what it had, so that what was encrypted before still opens. */
#include "localaws/kms/kms.h"

#include "base/clock.h"
#include "base/text.h"

enum { LEAST_DAYS = 90, MOST_DAYS = 2560, ON_DEMAND_MOST = 25 };
static const int64_t day_ms = 24 * 3600 * 1000;

static bool is_symmetric(const struct kms_key *key)
{
    return text_equal(kms_spec_of(key)->name, "SYMMETRIC_DEFAULT");
}

static int rotate(struct region *region, struct kms_key *key, bool on_demand, struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    struct kms_bytes material;
    char *wrapped;
    if (key->older_count >= KMS_MATERIALS_MOST)
        return error_code(err, ERROR_CONFLICT, "LimitExceededException", "%s was rotated too often",
                          key->arn);
    if (kms_material_make(kms_spec_of(key), arena, &material, err) < 0 ||
        kms_material_seal(region, arena, key->id, &material, &wrapped, err) < 0)
        return -1;
    struct kms_material *older = list_add(&key->older, &key->older_count, sizeof *older);
    text_replace(&older->wrapped, key->wrapped);
    older->retired_ms = clock_now_ms();
    older->on_demand = on_demand;
    text_replace(&key->wrapped, wrapped);
    region_changed(region);
    return 0;
}

/* When it was last rotated by itself, or made, or when rotation was asked for. */
static int64_t next_rotation_ms(const struct kms_key *key)
{
    int64_t since = key->rotation_since_ms > key->created_ms ? key->rotation_since_ms : key->created_ms;
    for (size_t i = 0; i < key->older_count; i++)
        if (!key->older[i].on_demand && key->older[i].retired_ms > since)
            since = key->older[i].retired_ms;
    return since + key->rotation_days * day_ms;
}

void kms_rotate_when_due(struct region *region, struct kms_key *key)
{
    if (key->rotation_days > 0 && key->state == KEY_ENABLED && is_symmetric(key) &&
        next_rotation_ms(key) <= clock_now_ms())
        rotate(region, key, false, NULL);
}

/* A key of the call's that can be rotated: symmetric, a customer's, not about to be deleted. */
static int rotatable(struct call *call, struct kms_key **key, struct error *err)
{
    if (kms_target(call, key, err) < 0)
        return -1;
    if (!is_symmetric(*key))
        return call_fail(call, err, 400, "UnsupportedOperationException",
                         "%s key spec is %s which is not valid for this operation.", (*key)->arn,
                         kms_spec_of(*key)->name);
    return 0;
}

/* https://docs.aws.amazon.com/kms/latest/APIReference/API_EnableKeyRotation.html */
static int set_rotation(struct call *call, int64_t days, struct error *err)
{
    struct kms_key *key;
    struct error why = {0};
    if (rotatable(call, &key, err) < 0)
        return -1;
    if (key->managed)
        return call_fail(call, err, 400, "AccessDeniedException", "%s is managed by AWS", key->arn);
    if (kms_usable(key, &why) < 0)
        return call_fail(call, err, 400, why.code, "%s", why.message);
    if (days && !key->rotation_days)
        key->rotation_since_ms = clock_now_ms();
    key->rotation_days = days;
    region_changed(call->region);
    return 0;
}

int enable_key_rotation(struct call *call, struct error *err)
{
    int64_t days = KMS_ROTATION_DAYS;
    const json_t *asked = json_object_get(call->json, "RotationPeriodInDays");
    if (asked && json_is_integer(asked))
        days = json_integer_value(asked);
    if ((asked && !json_is_integer(asked)) || days < LEAST_DAYS || days > MOST_DAYS)
        return call_fail(call, err, 400, "ValidationException",
                         "RotationPeriodInDays is a number of days from %d to %d", LEAST_DAYS, MOST_DAYS);
    return set_rotation(call, days, err);
}

int disable_key_rotation(struct call *call, struct error *err)
{
    return set_rotation(call, 0, err);
}

int get_key_rotation_status(struct call *call, struct error *err)
{
    struct kms_key *key;
    if (kms_target(call, &key, err) < 0)
        return -1;
    json_t *answer = json_pack("{s:s, s:b}", "KeyId", key->arn, "KeyRotationEnabled", key->rotation_days > 0);
    if (key->rotation_days > 0) {
        json_object_set_new(answer, "RotationPeriodInDays", json_integer(key->rotation_days));
        json_object_set_new(answer, "NextRotationDate", json_real((double)next_rotation_ms(key) / 1000.0));
    }
    kms_answer(call, answer);
    return 0;
}

int rotate_key_on_demand(struct call *call, struct error *err)
{
    struct kms_key *key;
    struct error why = {0};
    size_t before = 0;
    if (rotatable(call, &key, err) < 0)
        return -1;
    if (key->managed)
        return call_fail(call, err, 400, "AccessDeniedException", "%s is managed by AWS", key->arn);
    for (size_t i = 0; i < key->older_count; i++)
        before += key->older[i].on_demand;
    if (before >= ON_DEMAND_MOST)
        return call_fail(call, err, 400, "LimitExceededException",
                         "%s was rotated on demand %d times, which is all there can be", key->arn,
                         ON_DEMAND_MOST);
    if (kms_usable(key, &why) < 0 || rotate(call->region, key, true, &why) < 0)
        return call_fail(call, err, 400, *why.code ? why.code : "KMSInternalException", "%s", why.message);
    kms_answer(call, json_pack("{s:s}", "KeyId", key->arn));
    return 0;
}

/* The first material came with the key: that was no rotation. */
int list_key_rotations(struct call *call, struct error *err)
{
    static const struct kms_list kind = {"Rotations", "RotationDate", 100, 1000};
    struct kms_key *key;
    if (rotatable(call, &key, err) < 0)
        return -1;
    json_t *list = json_array();
    for (size_t i = 0; i < key->older_count; i++)
        json_array_append_new(list, json_pack("{s:s, s:f, s:s}", "KeyId", key->arn, "RotationDate",
                                              (double)key->older[i].retired_ms / 1000.0, "RotationType",
                                              key->older[i].on_demand ? "ON_DEMAND" : "AUTOMATIC"));
    return kms_answer_page(call, &kind, list, err);
}
