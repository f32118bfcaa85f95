/* A program that needs nothing, for a container made of nothing else. */
#include <stdio.h>

int main(void)
{
    puts("hello from the box");
    return 0;
}
