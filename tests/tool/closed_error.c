/* SPDX-License-Identifier: MIT
 *
 * closed_error.c FILE PROGRAM - as old daemons do: closes standard error and opens a file of data, which takes
 * its number; then allocates 3 MB, and a child executes PROGRAM.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    char *block;
    int status = 1;

    if (argc != 3 || close(STDERR_FILENO) != 0 ||
        open(argv[1], O_RDWR | O_CREAT | O_TRUNC, 0600) != STDERR_FILENO)
        return 2;
    if (write(STDERR_FILENO, "one\n", 4) != 4)
        return 2;
    block = malloc(3000000);
    if (block == NULL)
        return 2;
    memset(block, 1, 3000000);
    if (fork() == 0) {
        execl(argv[2], argv[2], (char *)NULL);
        _exit(2);
    }
    wait(&status);
    free(block);
    return write(STDERR_FILENO, "two\n", 4) == 4 && status == 0 ? 0 : 2;
}
