#include "zone/application_package.h"

#include "base/text.h"
#include "zone/package_parts.h"

#include <stdlib.h>
#include <string.h>

int package_refuse(struct error *err, const char *format, ...)
{
    if (!err)
        return -1;
    va_list args;
    va_start(args, format);
    char *message = NULL;
    if (vasprintf(&message, format, args) < 0)
        abort();
    va_end(args);
    error_code(err, ERROR_INVALID, INVALID_PACKAGE, "%s", message);
    free(message);
    return -1;
}

static int compare_path(const void *key, const void *file)
{
    return strcmp(key, ((const struct package_file *)file)->path);
}

const struct package_file *application_package_file(const struct application_package *package,
                                                    const char *path)
{
    if (package->file_count == 0)
        return NULL;
    return bsearch(path, package->files, package->file_count, sizeof *package->files, compare_path);
}

int package_xml(struct arena *arena, const struct package_file *file, const char *root_name, xmlNode **root,
                struct error *err)
{
    struct error cause = {0};
    if (file->length > XML_LARGEST)
        return package_refuse(err, "%s is larger than %d bytes", file->path, XML_LARGEST);
    if (xml_parse(arena, file->path, file->bytes, file->length, root, &cause) < 0)
        return package_refuse(err, "%s", cause.message);
    if (!text_equal(xml_name(*root), root_name))
        return package_refuse(err, "%s: the outermost element is <%s>, it must be <%s>", file->path,
                              xml_name(*root), root_name);
    return 0;
}

int application_package_read(struct arena *arena, const void *zip, size_t length,
                             struct application_package *package, struct error *err)
{
    *package = (struct application_package){0};
    if (package_unzip(arena, zip, length, package, err) < 0)
        return -1;
    if (!application_package_file(package, "services.xml"))
        return package_refuse(
            err, "the package has no services.xml in its root: zip the files in the application's "
                 "directory, not the directory itself");
    const struct package_file *clients = application_package_file(package, "security/clients.pem");
    if (clients && !text_utf8(clients->bytes, clients->length))
        return package_refuse(err, "security/clients.pem is not text");
    package->clients_pem = clients ? clients->bytes : NULL;
    return package_read_deployment(arena, package, err);
}
