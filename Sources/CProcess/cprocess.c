// Starting and watching processes. Everything between fork and exec is async-signal-safe.
#ifdef __linux__
#define _GNU_SOURCE
#endif
#include "cprocess.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef __linux__
#include <sys/prctl.h>
#include <sys/syscall.h>
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_close_range
#define SYS_close_range 436
#endif
#endif

// Closes every descriptor above 2, or marks it close-on-exec: those included that other code of this process opened without the flag.
static void close_others(int on_exec) {
#ifdef __linux__
    const unsigned close_range_cloexec = 1u << 2;
    if (syscall(SYS_close_range, 3u, ~0u, on_exec ? close_range_cloexec : 0u) == 0) return;
#endif
    long limit = sysconf(_SC_OPEN_MAX);
    if (limit < 0 || limit > 65536) limit = 65536;
    for (int descriptor = 3; descriptor < limit; descriptor++) {
        int flags = fcntl(descriptor, F_GETFD);
        if (flags < 0) continue;
        if (on_exec) fcntl(descriptor, F_SETFD, flags | FD_CLOEXEC);
        else close(descriptor);
    }
}

// Nothing is ever written to this pipe and we alone keep its writing end open: it ends when we do, however that comes.
static int lifeline[2];

// Leads a group and outlives us just long enough to kill it. A shell waits, for it keeps no memory of ours and is not ended along with what bears our
// name; this process itself does where there is none.
static _Noreturn void guard(void) {
    setpgid(0, 0);
    struct sigaction ignored;
    memset(&ignored, 0, sizeof ignored);
    ignored.sa_handler = SIG_IGN;
    for (int signal = 1; signal < NSIG; signal++) sigaction(signal, &ignored, NULL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    for (int standard = 0; standard <= 2; standard++)
        if (dup2(lifeline[0], standard) < 0) _exit(127);
    close_others(0);
    const char *const arguments[] = {"sh", "-c", "read nothing; kill -KILL 0", NULL};
    const char *const environment[] = {NULL};
    execve("/bin/sh", (char *const *)arguments, (char *const *)environment);
    char nothing;
    while (read(0, &nothing, 1) < 0 && errno == EINTR) {}
    kill(0, SIGKILL);
    _exit(127);
}

static _Noreturn void become(const struct cprocess_request *request, pid_t group, pid_t parent, int report) {
    setpgid(0, group);
#ifdef __linux__
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(127);  // it died before we asked
#else
    (void)parent;
#endif
    struct sigaction standard;
    memset(&standard, 0, sizeof standard);
    standard.sa_handler = SIG_DFL;
    for (int signal = 1; signal < NSIG; signal++) sigaction(signal, &standard, NULL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (dup2(request->input, 0) >= 0 && dup2(request->output, 1) >= 0 && dup2(request->error, 2) >= 0
        && (request->directory == NULL || chdir(request->directory) == 0)) {
        close_others(1);
        execve(request->path, (char *const *)request->arguments, (char *const *)request->environment);
    }
    int fault = errno;
    ssize_t written = write(report, &fault, sizeof fault);
    (void)written;
    _exit(127);
}

static pid_t start_guard(int *fault) {
    pid_t guardian = fork();
    if (guardian == 0) guard();
    if (guardian < 0) *fault = errno;
    else setpgid(guardian, guardian);  // whichever of us comes first
    return guardian;
}

static void end_group(pid_t group) {
    kill(-group, SIGKILL);
    while (waitpid(group, NULL, 0) < 0 && errno == EINTR) {}
}

static int spawn_here(const struct cprocess_request *request, struct cprocess_child *started) {
    int report[2];
    int fault = cprocess_pipe(report);
    if (fault != 0) return fault;
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);  // no handler of ours runs in the child
    pid_t parent = getpid();
    pid_t group = start_guard(&fault);
    pid_t child = -1;
    if (fault == 0) {
        child = fork();
        if (child == 0) become(request, group, parent, report[1]);
        if (child < 0) fault = errno;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    close(report[1]);
    if (child > 0) {
        setpgid(child, group);
        ssize_t got;
        do got = read(report[0], &fault, sizeof fault);
        while (got < 0 && errno == EINTR);
        if (got == (ssize_t)sizeof fault) waitpid(child, NULL, 0);
        else fault = 0;
    }
    close(report[0]);
    if (fault == 0) *started = (struct cprocess_child){.process = child, .group = group};
    else if (group > 0) end_group(group);
    return fault;
}

// The kernel sends PR_SET_PDEATHSIG when the thread that forked ends, not the process. Pool threads come and go, so one thread that never ends
// forks every child.
static struct {
    pthread_mutex_t turn, lock;
    pthread_cond_t changed;
    const struct cprocess_request *request;
    struct cprocess_child *child;
    int fault, is_asked, is_answered, start_fault;
} spawner = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, NULL, NULL, 0, 0, 0, 0};

static void *spawn_for_others(void *unused) {
    (void)unused;
    pthread_mutex_lock(&spawner.lock);
    for (;;) {
        while (!spawner.is_asked) pthread_cond_wait(&spawner.changed, &spawner.lock);
        spawner.is_asked = 0;
        spawner.fault = spawn_here(spawner.request, spawner.child);
        spawner.is_answered = 1;
        pthread_cond_broadcast(&spawner.changed);
    }
    return NULL;
}

static void start_spawner(void) {
    pthread_t thread;
    spawner.start_fault = cprocess_pipe(lifeline);
    if (spawner.start_fault == 0) spawner.start_fault = pthread_create(&thread, NULL, spawn_for_others, NULL);
    if (spawner.start_fault == 0) pthread_detach(thread);
}

int cprocess_spawn(const struct cprocess_request *request, struct cprocess_child *child) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, start_spawner);
    if (spawner.start_fault != 0) return spawner.start_fault;
    pthread_mutex_lock(&spawner.turn);
    pthread_mutex_lock(&spawner.lock);
    spawner.request = request;
    spawner.child = child;
    spawner.is_answered = 0;
    spawner.is_asked = 1;
    pthread_cond_broadcast(&spawner.changed);
    while (!spawner.is_answered) pthread_cond_wait(&spawner.changed, &spawner.lock);
    int fault = spawner.fault;
    pthread_mutex_unlock(&spawner.lock);
    pthread_mutex_unlock(&spawner.turn);
    return fault;
}

int cprocess_watch(pid_t pid) {
#ifdef __linux__
    return (int)syscall(SYS_pidfd_open, pid, 0);  // close-on-exec by definition
#else
    (void)pid;
    return -1;
#endif
}

int cprocess_has_ended(pid_t pid) {
    siginfo_t ended;
    memset(&ended, 0, sizeof ended);
    return waitid(P_PID, (id_t)pid, &ended, WEXITED | WNOHANG | WNOWAIT) != 0 || ended.si_pid == pid;
}

int cprocess_reap(struct cprocess_child child) {
    end_group(child.group);
    int status = 0;
    while (waitpid(child.process, &status, 0) < 0)
        if (errno != EINTR) return -1;
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

int cprocess_pipe(int ends[2]) {
    int raw[2];
#ifdef __linux__
    if (pipe2(raw, O_CLOEXEC) != 0) return errno;
#else
    if (pipe(raw) != 0) return errno;
#endif
    for (int side = 0; side < 2; side++) {
        ends[side] = fcntl(raw[side], F_DUPFD_CLOEXEC, 3);
        int fault = errno;
        if (ends[side] < 0) {
            if (side == 1) close(ends[0]);
            close(raw[0]);
            close(raw[1]);
            return fault;
        }
    }
    close(raw[0]);
    close(raw[1]);
    return 0;
}

int cprocess_thread(void *(*body)(void *), void *argument, size_t stack) {
    pthread_attr_t attributes;
    int fault = pthread_attr_init(&attributes);
    if (fault != 0) return fault;
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, stack);
    pthread_t thread;
    fault = pthread_create(&thread, &attributes, body, argument);
    pthread_attr_destroy(&attributes);
    return fault;
}

static void say_lost_page(int signal, siginfo_t *details, void *context) {
    (void)context;
    if (details->si_code != BUS_ADRERR) {  // not a mapped file's: the system's own answer, as the instruction is tried again
        struct sigaction standard;
        memset(&standard, 0, sizeof standard);
        standard.sa_handler = SIG_DFL;
        sigaction(signal, &standard, NULL);
        return;
    }
    static const char sentence[] = "sirocco: a model file changed while it was in use, or can no longer be read\n";
    ssize_t written = write(STDERR_FILENO, sentence, sizeof sentence - 1);
    (void)written;
    _exit(128 + signal);
}

int cprocess_explain_lost_pages(void) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = say_lost_page;
    action.sa_flags = SA_SIGINFO;
    sigfillset(&action.sa_mask);
    return sigaction(SIGBUS, &action, NULL) == 0 ? 0 : errno;
}
