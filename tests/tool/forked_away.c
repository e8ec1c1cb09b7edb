/* SPDX-License-Identifier: MIT
 *
 * forked_away.c - root's daemon of the old kind: standard error leads nowhere, and a forked child moves into an empty root
 * directory before it allocates.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void)
{
    char empty[] = "/tmp/forked_away.XXXXXX";
    int status = -1;

    free(malloc(1000));
    if (mkdtemp(empty) == NULL || close(STDERR_FILENO) != 0 || open("/dev/null", O_RDWR) != STDERR_FILENO)
        return 2;
    if (fork() == 0)
        _exit(chroot(empty) == 0 && chdir("/") == 0 && malloc(1000) != NULL ? 0 : 2);
    wait(&status);
    rmdir(empty);
    return status == 0 ? 0 : 2;
}
