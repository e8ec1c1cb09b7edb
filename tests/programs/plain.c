/* SPDX-License-Identifier: MIT
 *
 * plain STATUS [BYTES] - an ordinary program that knows nothing of a tracker: holds BYTES
 * for a moment, says so on stdout and ends with STATUS.
 */
#include <stdio.h>
#include <stdlib.h>

int main(int count, char **arguments)
{
    char *block = malloc(count > 2 ? (size_t)atol(arguments[2]) : 10);
    printf("held %s\n", block ? "a block" : "nothing");
    free(block);
    return count > 1 ? atoi(arguments[1]) : 0;
}
