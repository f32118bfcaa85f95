#include "localaws/resource/filing.h"

#include "localaws/resource/copy.h"
#include "localaws/resource/index.h"
#include "localaws/state.h"

static void unlink_filing(struct resource *resource)
{
    if (resource->filing == FILING_NONE)
        return;
    *resource->filing_link = resource->filing_next;
    if (resource->filing_next)
        resource->filing_next->filing_link = resource->filing_link;
    resource->filing = FILING_NONE;
}

static void link_filing(struct resource *resource, struct resource **list, enum filing filing)
{
    unlink_filing(resource);
    resource->filing = filing;
    resource->filing_next = *list;
    resource->filing_link = list;
    if (*list)
        (*list)->filing_link = &resource->filing_next;
    *list = resource;
}

void resource_changed(struct resource *resource)
{
    struct registry *registry = registry_of(resource->region);
    struct resource *whole = resource->kind->part_of ? resource->kind->part_of(resource) : NULL;
    if (resource->filing != FILING_TOUCHED)
        link_filing(resource, &registry->filings.touched, FILING_TOUCHED);
    if (whole && whole->filing != FILING_TOUCHED)
        link_filing(whole, &registry->filings.touched, FILING_TOUCHED);
    state_saver_wake(resource->region->saver);
}

void filing_came_or_went(struct resource *resource)
{
    resource->account->unknown |= !resource->kind->numerous;
}

static void touch_what_differs(struct account *account)
{
    const struct resource_list *lists = account->modules[MODULE_EC2];
    for (size_t i = 0; lists && i < KINDS; i++)
        for (struct resource *item = lists[i].first; item; item = item->next)
            if (record_digest(item->kind->record, item) != item->digest)
                resource_changed(item);
}

static void file_one(struct registry *registry, struct resource *resource)
{
    uint64_t digest = record_digest(resource->kind->record, resource);
    resource->unsaved |= digest != resource->digest;
    resource->digest = digest;
    index_refresh(resource);
    if (resource->unsaved)
        link_filing(resource, &registry->filings.unsaved, FILING_UNSAVED);
    else
        unlink_filing(resource);
}

void resources_file(struct region *region)
{
    struct registry *registry = registry_of(region);
    for (struct account *account = region->accounts; account; account = account->next) {
        if (registry->filings.unknown || account->unknown)
            touch_what_differs(account);
        account->unknown = false;
    }
    registry->filings.unknown = false;
    while (registry->filings.touched)
        file_one(registry, registry->filings.touched);
}

void filing_removed(struct region *region, int64_t sequence)
{
    struct filings *filings = &registry_of(region)->filings;
    if (filings->removed_count == filings->removed_room) {
        filings->removed_room = filings->removed_room ? filings->removed_room * 2 : 16;
        filings->removed = memory_resize(filings->removed, filings->removed_room, sizeof *filings->removed);
    }
    filings->removed[filings->removed_count++] = sequence;
    state_saver_wake(region->saver);
}

void filing_forget(struct resource *resource)
{
    struct resource *whole = resource->kind->part_of ? resource->kind->part_of(resource) : NULL;
    if (whole)
        resource_changed(whole);
    unlink_filing(resource);
    filing_removed(resource->region, resource->sequence);
}

struct resource *resource_unsaved(struct region *region)
{
    struct resource *resource = registry_of(region)->filings.unsaved;
    if (!resource)
        return NULL;
    unlink_filing(resource);
    resource->unsaved = false;
    return resource;
}

int64_t resource_removed(struct region *region)
{
    struct filings *filings = &registry_of(region)->filings;
    if (filings->removed_count)
        return filings->removed[--filings->removed_count];
    memory_free(&filings->removed);
    filings->removed_room = 0;
    return 0;
}
