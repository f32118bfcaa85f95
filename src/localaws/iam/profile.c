/* Instance profiles: what EC2 instances carry, and the role behind each. */
#include "localaws/iam/iam.h"

#include "base/clock.h"
#include "base/text.h"
#include "localaws/iam/list.h"
#include "localaws/resource/answer.h"
#include "localaws/resource/authorize.h"
#include "localaws/resource/copy.h"

#include <string.h>

static const struct iam_naming naming = {"InstanceProfileName", "instance-profile", "AIPAX", 128};

static int target_profile(struct call *call, struct instance_profile **profile, struct error *err)
{
    const char *name;
    if (call_required(call, "InstanceProfileName", &name, err) < 0)
        return -1;
    *profile = table_get(&iam_of(call->account)->profiles, name);
    const char *arn =
        *profile ? (*profile)->arn
                 : arena_format(call->arena, "arn:aws:iam::%s:instance-profile/%s", call->account->id, name);
    const struct instance_profile nothing = {0}, *known = *profile ? *profile : &nothing;
    if (iam_authorize_tagged(call, arn, known->tags, known->tag_count, NULL, err) < 0)
        return -1;
    return *profile
               ? 0
               : call_fail(call, err, 404, "NoSuchEntity", "Instance Profile %.200s cannot be found.", name);
}

static void put_profile_inside(struct call *call, const struct instance_profile *profile, bool whole)
{
    struct buffer *out = &call->answer;
    put_text(out, "Path", profile->path);
    put_text(out, "InstanceProfileName", profile->name);
    put_text(out, "InstanceProfileId", profile->id);
    put_text(out, "Arn", profile->arn);
    put_time(out, "CreateDate", profile->created_ms);
    put_open(out, "Roles");
    const struct principal *role =
        profile->role ? table_get(&iam_of(call->account)->roles, profile->role) : NULL;
    if (role) {
        put_open(out, "member");
        put_role_inside(call, role, false);
        put_close(out, "member");
    }
    put_close(out, "Roles");
    if (whole)
        put_tag_members(out, profile->tags, profile->tag_count);
}

void put_profile(struct call *call, const char *element, const void *profile)
{
    put_open(&call->answer, element);
    put_profile_inside(call, profile, true);
    put_close(&call->answer, element);
}

static void put_profile_in_list(struct call *call, const char *element, const void *profile)
{
    put_open(&call->answer, element);
    put_profile_inside(call, profile, false);
    put_close(&call->answer, element);
}

static int list_profiles(struct call *call, const char *path_prefix, const char *role, struct error *err)
{
    struct iam_list list;
    if (iam_list_begin(call, &list, err) < 0)
        return -1;
    const struct instance_profile *profile;
    for (size_t at = 0; (profile = table_next(&iam_of(call->account)->profiles, &at));)
        if ((!path_prefix || text_starts(profile->path, path_prefix)) &&
            (!role || text_equal(profile->role, role)))
            iam_list_add(&list, profile->name, profile);
    iam_list_put(&list, "InstanceProfiles", put_profile_in_list);
    return 0;
}

int create_instance_profile(struct call *call, struct error *err)
{
    struct iam_names names;
    struct instance_profile draft = {.created_ms = clock_now_ms()};
    if (iam_name_new(call, &naming, &names, err) < 0 ||
        call_tag_list(call, "Tags.member", &draft.tags, &draft.tag_count, err) < 0)
        return -1;
    struct table *profiles = &iam_of(call->account)->profiles;
    if (table_get(profiles, names.name))
        return call_fail(call, err, 409, "EntityAlreadyExists", "Instance Profile %s already exists.",
                         names.name);
    draft.name = names.name;
    draft.path = names.path;
    draft.id = names.id;
    draft.arn = names.arn;
    struct instance_profile *profile = memory_alloc(sizeof *profile);
    *profile = draft;
    record_own(&instance_profile_record, profile);
    table_put(profiles, profile->name, profile);
    region_changed(call->region);
    put_profile(call, "InstanceProfile", profile);
    return 0;
}

int get_instance_profile(struct call *call, struct error *err)
{
    struct instance_profile *profile;
    if (target_profile(call, &profile, err) < 0)
        return -1;
    put_profile(call, "InstanceProfile", profile);
    return 0;
}

int list_instance_profiles(struct call *call, struct error *err)
{
    const char *arn = arena_format(call->arena, "arn:aws:iam::%s:instance-profile/", call->account->id);
    if (iam_authorize(call, arn, err) < 0)
        return -1;
    return list_profiles(call, call_parameter(call, "PathPrefix"), NULL, err);
}

int list_instance_profiles_for_role(struct call *call, struct error *err)
{
    struct principal *role;
    if (iam_target_role(call, &role, err) < 0)
        return -1;
    return list_profiles(call, NULL, role->name, err);
}

int delete_instance_profile(struct call *call, struct error *err)
{
    struct instance_profile *profile;
    if (target_profile(call, &profile, err) < 0)
        return -1;
    if (profile->role)
        return call_fail(call, err, 409, "DeleteConflict",
                         "Cannot delete entity, must remove roles from instance profile first.");
    table_remove(&iam_of(call->account)->profiles, profile->name);
    record_release(&instance_profile_record, profile);
    free(profile);
    region_changed(call->region);
    return 0;
}

/* Giving an instance profile a role is handing the role to EC2: the caller must be allowed to pass it. */
int add_role_to_instance_profile(struct call *call, struct error *err)
{
    struct instance_profile *profile;
    const char *name;
    if (target_profile(call, &profile, err) < 0 || call_required(call, "RoleName", &name, err) < 0)
        return -1;
    const struct principal *role = table_get(&iam_of(call->account)->roles, name);
    if (!role)
        return call_fail(call, err, 404, "NoSuchEntity", "The role with name %.200s cannot be found.", name);
    static const char *const context[] = {"iam:PassedToService", "ec2.amazonaws.com", NULL};
    if (call_authorize(call, "iam:PassRole", role->arn, context, err) < 0)
        return -1;
    if (profile->role)
        return call_fail(call, err, 409, "LimitExceeded",
                         "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1");
    text_replace(&profile->role, name);
    region_changed(call->region);
    return 0;
}

int remove_role_from_instance_profile(struct call *call, struct error *err)
{
    struct instance_profile *profile;
    const char *name;
    if (target_profile(call, &profile, err) < 0 || call_required(call, "RoleName", &name, err) < 0)
        return -1;
    if (!text_equal(profile->role, name))
        return call_fail(call, err, 404, "NoSuchEntity", "The role with name %.200s cannot be found.", name);
    text_replace(&profile->role, NULL);
    region_changed(call->region);
    return 0;
}

int tag_instance_profile(struct call *call, struct error *err)
{
    struct instance_profile *profile;
    if (target_profile(call, &profile, err) < 0 ||
        iam_tag(call, &profile->tags, &profile->tag_count, err) < 0)
        return -1;
    region_changed(call->region);
    return 0;
}

int untag_instance_profile(struct call *call, struct error *err)
{
    struct instance_profile *profile;
    if (target_profile(call, &profile, err) < 0)
        return -1;
    iam_untag(call, &profile->tags, &profile->tag_count);
    region_changed(call->region);
    return 0;
}

int list_instance_profile_tags(struct call *call, struct error *err)
{
    struct instance_profile *profile;
    if (target_profile(call, &profile, err) < 0)
        return -1;
    return iam_list_tags(call, profile->tags, profile->tag_count, err);
}

int iam_find_instance_profile(struct region *region, struct account *account, const char *name_or_arn,
                              struct arena *arena, char **arn, char **id, char **role_arn, struct error *err)
{
    region_lock(region);
    cleanup(region_unlock) struct region *locked = region;
    const char *slash = text_starts(name_or_arn, "arn:") ? strrchr(name_or_arn, '/') : NULL;
    struct iam *iam = iam_of(account);
    const struct instance_profile *profile = table_get(&iam->profiles, slash ? slash + 1 : name_or_arn);
    if (!profile || (slash && !text_equal(profile->arn, name_or_arn)))
        return error_code(
            err, ERROR_INVALID, "InvalidParameterValue",
            "Value (%.300s) for parameter iamInstanceProfile is invalid. Invalid IAM Instance Profile",
            name_or_arn);
    const struct principal *role = profile->role ? table_get(&iam->roles, profile->role) : NULL;
    *arn = arena_strdup(arena, profile->arn);
    *id = arena_strdup(arena, profile->id);
    *role_arn = role ? arena_strdup(arena, role->arn) : NULL;
    (void)locked;
    return 0;
}
