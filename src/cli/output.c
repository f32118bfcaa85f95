#include "cli/cli.h"

#include "base/clock.h"
#include "base/record.h"

#include <stdio.h>
#include <string.h>

void print_json(struct cli *cli, const json_t *value)
{
    printf("%s\n", json_pretty(cli->arena, value));
}

void print_table(const char *const *cells, size_t columns, size_t rows)
{
    size_t widths[16] = {0};
    for (size_t i = 0; i < columns * rows; i++) {
        size_t length = strlen(cells[i]);
        if (length > widths[i % columns])
            widths[i % columns] = length;
    }
    for (size_t row = 0; row < rows; row++) {
        for (size_t column = 0; column < columns; column++) {
            const char *cell = cells[row * columns + column];
            if (column + 1 == columns)
                printf("%s\n", cell);
            else
                printf("%-*s  ", (int)widths[column], cell);
        }
    }
}

const char *or_dash(const char *text)
{
    return text && *text ? text : "-";
}

const char *ago(struct cli *cli, int64_t ms)
{
    int64_t seconds = (clock_now_ms() - ms) / 1000;
    if (ms <= 0)
        return "-";
    if (seconds < 120)
        return arena_format(cli->arena, "%lld s ago", (long long)seconds);
    if (seconds < 7200)
        return arena_format(cli->arena, "%lld min ago", (long long)seconds / 60);
    return arena_format(cli->arena, "%lld h ago", (long long)seconds / 3600);
}
