/* The steps of reading an application package (zone/application_package.h), one file each, and what they
 * share. Private to this folder. */
#ifndef ZONE_PACKAGE_PARTS_H
#define ZONE_PACKAGE_PARTS_H

#include "base/xml.h"
#include "zone/application_package.h"

#define INVALID_PACKAGE "INVALID_APPLICATION_PACKAGE"

/* -1 with ERROR_INVALID, code INVALID_APPLICATION_PACKAGE. */
int package_refuse(struct error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Fills files, sorted by path. */
int package_unzip(struct arena *arena, const void *zip, size_t length, struct application_package *package,
                  struct error *err);
/* Fills clusters from services.xml. */
int package_read_services(struct arena *arena, struct application_package *package, struct error *err);
/* Checks deployment.xml, when there is one, and fills the accounts it names. */
int package_read_deployment(struct arena *arena, struct application_package *package, struct error *err);

int package_xml(struct arena *arena, const struct package_file *file, const char *root_name, xmlNode **root,
                struct error *err);

#endif
