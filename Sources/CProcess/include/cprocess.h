// What Swift cannot say about processes: a child that dies with its parent, and a descriptor that tells of a process's end.
#ifndef CPROCESS_H
#define CPROCESS_H

#include <sys/types.h>

struct cprocess_request {
    const char *path;              // of the program, already looked up
    const char *const *arguments;  // NULL-terminated, the program's name first
    const char *const *environment;  // NULL-terminated "NAME=value"
    const char *directory;         // or NULL: ours
    int input, output, error;      // descriptors above 2 that become 0, 1 and 2
};

// Starts a process in its own group, with default signals and no other descriptor of ours. On Linux the kernel kills it when the *thread* that
// called this ends, so that thread must outlive it. Returns 0 and the process, or an errno (the program's own start included).
int cprocess_spawn(const struct cprocess_request *request, pid_t *pid);

// A descriptor that becomes readable when the process has ended, or -1 where there is none.
int cprocess_watch(pid_t pid);

// 1 when our child has ended (it stays to be reaped), else 0.
int cprocess_has_ended(pid_t pid);

// Waits for our child and removes it from the process table: its exit status, or 128 + the signal that ended it.
int cprocess_reap(pid_t pid);

// A pipe whose ends are both above 2 and close on exec. 0 or an errno.
int cprocess_pipe(int ends[2]);

// Runs `body(argument)` on a new, detached thread with a stack of `stack` bytes. 0 or an errno.
int cprocess_thread(void *(*body)(void *), void *argument, size_t stack);

// From now on, a page of a mapped file that is no longer there ends the process with a sentence on standard error and status 128 + SIGBUS.
// Threads that block SIGBUS are ended by the system without a word. 0, or an errno value.
int cprocess_explain_lost_pages(void);

#endif
