// What Swift cannot say about processes: a child that dies with its parent, and all that it has started, and a descriptor that tells of a process's end.
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

// A child and its process group, which a guardian leads: a process that does nothing but kill the group once we are no more, so that what the child
// has started ends with us too, even where we are killed.
struct cprocess_child {
    pid_t process;
    pid_t group;
};

// Starts a process in a group of its own, with default signals and no other descriptor of ours. Returns 0 and the child, or an errno (the program's
// own start included). On Linux the kernel itself kills the child when we end, should its guardian be gone.
int cprocess_spawn(const struct cprocess_request *request, struct cprocess_child *child);

// A descriptor that becomes readable when the process has ended, or -1 where there is none.
int cprocess_watch(pid_t pid);

// 1 when our child has ended (it stays to be reaped), else 0.
int cprocess_has_ended(pid_t pid);

// Kills what is left of the child's group, waits for the child and removes it from the process table: its exit status, or 128 + the signal that
// ended it; -1 where it is no child of ours.
int cprocess_reap(struct cprocess_child child);

// A pipe whose ends are both above 2 and close on exec. 0 or an errno.
int cprocess_pipe(int ends[2]);

// Runs `body(argument)` on a new, detached thread with a stack of `stack` bytes. 0 or an errno.
int cprocess_thread(void *(*body)(void *), void *argument, size_t stack);

// From now on, a page of a mapped file that is no longer there ends the process with a sentence on standard error and status 128 + SIGBUS.
// Threads that block SIGBUS are ended by the system without a word. 0, or an errno value.
int cprocess_explain_lost_pages(void);

#endif
