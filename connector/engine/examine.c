#include "connector/engine/examine.h"

#include "connector/delivery/journal.h"
#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/mem.h"
#include "lib/plural.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

struct examination {
	const struct pipeline *pipeline;
	void (*take)(void *arg, const struct finding *finding);
	void *arg;
};

__attribute__((format(printf, 4, 5))) static void tell(const struct examination *x,
                                                       enum finding_kind kind, const char *what,
                                                       const char *format, ...)
{
	cleanup_(freep) char *text = NULL;
	struct finding finding = {.kind = kind, .what = what};
	va_list args;

	va_start(args, format);
	text = mem_vprintf(format, args);
	va_end(args);
	finding.text = text;
	x->take(x->arg, &finding);
}

/* False: there is none, or none that could be used. */
static bool examine_folder(const struct examination *x)
{
	const char *path = x->pipeline->state_folder;
	struct stat st;

	if (stat(path, &st) < 0 && errno == ENOENT) {
		tell(x, FINDING_GOOD, "state folder", "%s is not there yet: never run", path);
		return false;
	}
	if (stat(path, &st) < 0 || !S_ISDIR(st.st_mode)) {
		tell(x, FINDING_BAD, "state folder",
		     "%s cannot be used (%s); name another with `state`", path,
		     S_ISDIR(st.st_mode) ? strerror(errno) : "it is no folder");
		return false;
	}
	if (st.st_uid != geteuid()) {
		tell(x, FINDING_BAD, "state folder",
		     "%s belongs to user %u, and this is user %u: run as the same user every time",
		     path, (unsigned)st.st_uid, (unsigned)geteuid());
		return false;
	}
	if (st.st_mode & 022)
		tell(x, FINDING_BAD, "state folder",
		     "%s can be written by others, and run refuses it: chmod go-w %s", path, path);
	else
		tell(x, FINDING_GOOD, "state folder", "%s", path);
	return true;
}

/* What SQLite's durability rests on: https://www.sqlite.org/howtocorrupt.html */
static void examine_file_system(const struct examination *x)
{
	static const struct {
		long magic;
		const char *name, *trouble; /* NULL: only a warning */
		const char *warning;
	} kinds[] = {
		{NFS_SUPER_MAGIC, "NFS", "its locks and syncs cannot be trusted", NULL},
		{SMB_SUPER_MAGIC, "SMB", "its locks and syncs cannot be trusted", NULL},
		{SMB2_SUPER_MAGIC, "SMB", "its locks and syncs cannot be trusted", NULL},
		{CIFS_SUPER_MAGIC, "SMB", "its locks and syncs cannot be trusted", NULL},
		{TMPFS_MAGIC, "a tmpfs", NULL, "it lives in memory, so a restart forgets all"},
		{BTRFS_SUPER_MAGIC, "btrfs", NULL,
	         "it writes copies, so outcomes may fail to be recorded on a full disk"},
	};
	const char *path = x->pipeline->state_folder;
	struct statfs st;

	if (statfs(path, &st) < 0)
		return;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		if (st.f_type != kinds[i].magic)
			continue;
		tell(x, kinds[i].trouble ? FINDING_BAD : FINDING_WARNING, "file system",
		     "%s is on %s: %s; name a folder on a local disk with `state`", path,
		     kinds[i].name, kinds[i].trouble ? kinds[i].trouble : kinds[i].warning);
		return;
	}
	tell(x, FINDING_GOOD, "file system", "a local one");
}

static void examine_space(const struct examination *x)
{
	enum { plenty = 1 << 30, enough = 64 << 20 };
	struct statvfs st;
	uint64_t mib;

	if (statvfs(x->pipeline->state_folder, &st) < 0)
		return;
	mib = (uint64_t)st.f_bavail * st.f_frsize >> 20;
	if (mib << 20 < enough)
		tell(x, FINDING_BAD, "free space",
		     "%llu MiB: below 64 MiB nothing new is read; make room",
		     (unsigned long long)mib);
	else if (mib << 20 < plenty)
		tell(x, FINDING_WARNING, "free space",
		     "%llu MiB: a receiver that is away for long needs more",
		     (unsigned long long)mib);
	else
		tell(x, FINDING_GOOD, "free space", "%llu MiB", (unsigned long long)mib);
}

/* Whether a process owns the state now. */
static bool examine_owner(const struct examination *x)
{
	cleanup_(freep) char *path = mem_printf("%s/lock", x->pipeline->state_folder);
	const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	char text[32] = {0};
	bool is_owned = false;

	if (fd < 0)
		return false;
	if (flock(fd, LOCK_SH | LOCK_NB) < 0) {
		is_owned = true;
		(void)!pread(fd, text, sizeof(text) - 1, 0);
		text[strcspn(text, "\n")] = '\0';
		tell(x, FINDING_GOOD, "journal",
		     "in use by process %s; stop it to have the journal checked, or ask it with "
		     "`closefeed status`",
		     *text ? text : "?");
	}
	(void)close(fd);
	return is_owned;
}

static void tell_if(const struct examination *x, uint64_t n, const char *what, const char *text)
{
	if (n)
		tell(x, FINDING_WARNING, what, "%llu %s", (unsigned long long)n, text);
}

static void examine_content(const struct examination *x, struct journal *journal)
{
	struct journal_totals t;
	struct err err;

	if (journal_totals(journal, &t, &err) < 0) {
		tell(x, FINDING_BAD, "journal", "%s", err.text);
		return;
	}
	tell_if(x, t.open, "open", "not finished: `closefeed run` goes on with them");
	tell_if(x, t.held, "held",
	        "whose outcome nobody could prove: `closefeed held list`, then look in Close");
	tell_if(x, t.rejected, "rejected", "refused: `closefeed rejects list` says why");
	tell_if(x, t.owed_webhook, "untold",
	        "the webhook has not taken yet: `closefeed responses flush` sends them");
	tell_if(x, t.owed_kafka + t.owed_rejects, "untold",
	        "topics have not taken yet: `closefeed responses flush` sends them");
}

static void examine_journal(const struct examination *x)
{
	const char *folder = x->pipeline->state_folder;
	cleanup_(freep) char *path = mem_printf("%s/journal.db", folder);
	struct journal *journal = NULL;
	struct stat st;
	struct err err;
	int r;

	if (stat(path, &st) < 0) {
		tell(x, FINDING_GOOD, "journal", "none yet: nothing was read");
		return;
	}
	r = journal_open(folder, &journal, &err);
	if (r < 0) {
		tell(x, FINDING_BAD, "journal", "%s", err.text);
		return;
	}
	r = journal_check(journal, &err);
	if (r < 0)
		tell(x, FINDING_BAD, "journal",
		     "%s; keep a copy of %s, then begin anew with `run --new-state` (what was sent "
		     "is then sent again: identities and upserts prevent twins)",
		     err.text, folder);
	else
		tell(x, FINDING_GOOD, "journal", "whole (%llu KiB)",
		     (unsigned long long)st.st_size >> 10);
	if (r >= 0)
		examine_content(x, journal);
	journal_close(journal);
}

/* States that `run --new-state` set aside stay until somebody removes them. */
static void examine_old(const struct examination *x)
{
	DIR *folder = opendir(x->pipeline->state_folder);
	const struct dirent *entry;
	uint64_t bytes = 0;
	unsigned n = 0;
	struct stat st;

	while (folder && (entry = readdir(folder)) != NULL) {
		if (strncmp(entry->d_name, "old-", 4) != 0 ||
		    fstatat(dirfd(folder), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		n++;
		bytes += (uint64_t)st.st_size;
	}
	if (folder)
		(void)closedir(folder);
	if (n)
		tell(x, FINDING_GOOD, "old states",
		     "%u file%s, %llu MiB: remove %s/old-* when nobody needs them", n,
		     plural(n, "", "s"), (unsigned long long)bytes >> 20,
		     x->pipeline->state_folder);
}

void state_examine(const struct pipeline *pipeline,
                   void (*take)(void *arg, const struct finding *finding), void *arg)
{
	const struct examination x = {.pipeline = pipeline, .take = take, .arg = arg};

	if (!examine_folder(&x))
		return;
	examine_file_system(&x);
	examine_space(&x);
	if (!examine_owner(&x))
		examine_journal(&x);
	examine_old(&x);
}
