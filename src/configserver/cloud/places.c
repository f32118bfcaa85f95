#include "configserver/cloud/places.h"

#include "base/text.h"

struct kept_place {
    struct kept_place *next;
    struct arena *arena; /* of all that is in it */
    const char *account, *tenant;
    int64_t found_ms;
    struct place place;
};

struct places {
    pthread_mutex_t lock;
    struct kept_place *first;
};

struct places *places_new(void)
{
    struct places *places = memory_alloc(sizeof *places);
    pthread_mutex_init(&places->lock, NULL);
    return places;
}

static void drop(struct kept_place **at)
{
    struct kept_place *old = *at;
    struct arena *arena = old->arena;
    *at = old->next;
    arena_free(&arena);
}

void places_free(struct places **places)
{
    struct places *old = *places;
    *places = NULL;
    if (!old)
        return;
    while (old->first)
        drop(&old->first);
    pthread_mutex_destroy(&old->lock);
    free(old);
}

static const char **copy_texts(struct arena *arena, const char *const *texts, size_t count)
{
    const char **copies = arena_alloc(arena, (count + 1) * sizeof *copies);
    for (size_t i = 0; i < count; i++)
        copies[i] = arena_strdup(arena, texts[i]);
    return copies;
}

static struct place copy_place(struct arena *arena, const struct place *place)
{
    struct place copy = *place;
    copy.vpc = arena_strdup(arena, place->vpc);
    copy.security_group = arena_strdup(arena, place->security_group);
    copy.host_profile_arn = arena_strdup(arena, place->host_profile_arn);
    copy.disk_key = arena_strdup(arena, place->disk_key);
    copy.archive_bucket = arena_strdup(arena, place->archive_bucket);
    copy.host_subnets = arena_alloc(arena, (place->host_subnet_count + 1) * sizeof *copy.host_subnets);
    for (size_t i = 0; i < place->host_subnet_count; i++)
        copy.host_subnets[i] =
            (struct host_subnet){arena_strdup(arena, place->host_subnets[i].id),
                                 arena_strdup(arena, place->host_subnets[i].availability_zone)};
    copy.balancer_subnets = copy_texts(arena, place->balancer_subnets, place->balancer_subnet_count);
    copy.balancer_networks = copy_texts(arena, place->balancer_networks, place->balancer_subnet_count);
    copy.images = arena_alloc(arena, (place->image_count + 1) * sizeof *copy.images);
    for (size_t i = 0; i < place->image_count; i++)
        copy.images[i] = (struct host_image){arena_strdup(arena, place->images[i].id),
                                             arena_strdup(arena, place->images[i].architecture)};
    return copy;
}

/* Where the account's is, or the list's end. */
static struct kept_place **find(struct places *places, const char *account)
{
    struct kept_place **at = &places->first;
    while (*at && !text_equal((*at)->account, account))
        at = &(*at)->next;
    return at;
}

static void keep(struct zone *zone, const struct account *account, const struct place *place)
{
    struct arena *arena = arena_new();
    struct kept_place *kept = arena_alloc(arena, sizeof *kept);
    *kept = (struct kept_place){.arena = arena,
                                .account = arena_strdup(arena, account->id),
                                .tenant = arena_strdup(arena, account->tenant),
                                .found_ms = zone_now_ms(zone),
                                .place = copy_place(arena, place)};
    pthread_mutex_lock(&zone->places->lock);
    struct kept_place **at = find(zone->places, account->id);
    if (*at)
        drop(at);
    kept->next = zone->places->first;
    zone->places->first = kept;
    pthread_mutex_unlock(&zone->places->lock);
}

void places_forget(struct zone *zone, const char *account)
{
    pthread_mutex_lock(&zone->places->lock);
    struct kept_place **at = find(zone->places, account);
    if (*at)
        drop(at);
    pthread_mutex_unlock(&zone->places->lock);
}

int places_look(struct zone *zone, const struct account *account, struct arena *arena, struct place *place,
                struct error *err)
{
    if (zone->cloud->find_place(zone->cloud->context, account, arena, place, err) < 0) {
        places_forget(zone, account->id);
        return -1;
    }
    if (account->tenant) /* without, what is the tenant's own was not looked for */
        keep(zone, account, place);
    return 0;
}

int places_find(struct zone *zone, const struct account *account, struct arena *arena, struct place *place,
                struct error *err)
{
    bool found = false;
    pthread_mutex_lock(&zone->places->lock);
    const struct kept_place *kept = *find(zone->places, account->id);
    if (kept && zone_now_ms(zone) - kept->found_ms < zone->limits->place_kept &&
        text_equal(kept->tenant, account->tenant)) {
        *place = copy_place(arena, &kept->place);
        found = true;
    }
    pthread_mutex_unlock(&zone->places->lock);
    return found ? 0 : places_look(zone, account, arena, place, err);
}
