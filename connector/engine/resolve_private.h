#pragma once

/* What the files of resolve share. */

#include "connector/close/lookup.h"
#include "connector/engine/private.h"
#include "connector/model/remembered.h"

/*
 * marks.c: who has put a mark on a text, in the order of their numbers. Offers are marks on keys,
 * closed lanes are marks on lanes.
 */
struct mark_key;
struct mark {
	struct mark *before, *behind; /* on the same text, by number */
	struct mark_key *key;
	void *who;
	uint64_t number;
	bool is_owner; /* excludes everybody, others only owners */
};
struct marks;
struct marks *marks_new(void);
void marks_free(struct marks *marks); /* with its marks, not with who set them; NULL is ignored */
struct mark *marks_add(struct marks *marks, const char *text, void *who, uint64_t number,
                       bool is_owner);
void marks_remove(struct marks *marks, struct mark *mark); /* frees it */
/* The one with the least number; NULL: there is none. */
const struct mark *marks_first(struct marks *marks, const char *text);
/*
 * The last one before @number that keeps others out, or (@is_owner) any; NULL: there is none. Who
 * waits for that one comes behind all before it.
 */
const struct mark *marks_ahead(struct marks *marks, const char *text, uint64_t number,
                               bool is_owner);
void marks_each(struct marks *marks, void (*take)(void *who, void *arg), void *arg);

/* parents.c */
struct offer;
/* What is at this place offers objects by these texts; it is @number in the order of arrival. Where
 * there is an offer of that place already it stays as it is, and comes back. */
struct offer *parents_offer(struct parents *parents, const struct output_place *place,
                            uint64_t number, char *const *texts, size_t n);
struct offer *parents_at(const struct parents *parents, const struct output_place *place);
/* The first that came before number @before and offers all of these; NULL: none does. */
struct offer *parents_find(const struct parents *parents, char *const *texts, size_t n,
                           uint64_t before);
/*
 * The first that offers @text and came between these numbers, but for those that offer anything
 * which begins with @but (may be NULL).
 */
struct offer *parents_find_between(const struct parents *parents, const char *text, uint64_t behind,
                                   uint64_t before, const char *but);
/* Whether somebody offers @text and waits for no person. */
bool parents_is_on_its_way(const struct parents *parents, const char *text);
bool offer_has(const struct offer *offer, const char *text);
/*
 * Which objects its maker is about, as far as that is known: ids, NULL-terminated or NULL. Who
 * waits for it may be about one of them. False: nothing new.
 */
bool offer_set_about(struct offer *offer, char **takes_ids);
char *const *offer_about(const struct offer *offer);
/* @waiter is told when that changes what is offered. */
void offer_wait(struct offer *offer, void *waiter);
void offer_leave(struct offer *offer, const void *waiter); /* not told any more */
/*
 * A person has to say what became of it (@words: "held lead.create of x line 4"); gives who waited
 * till now, an array to free().
 */
size_t offer_hold(struct offer *offer, const char *words, void ***ret_waiters);
/* What is held; NULL: it is not. */
const char *offer_held(const struct offer *offer);
/*
 * It changes the object @object_id: refused, it takes nothing away from others. @takes_written:
 * crm_written() of its body.
 */
void parents_set_change(struct parents *parents, struct offer *offer, const char *object_id,
                        char *takes_written);
/*
 * The first change of @object_id that came before number @before and may take the value of @field
 * (NULL: any change) away from it; NULL: none does.
 */
struct offer *parents_find_change(const struct parents *parents, const char *object_id,
                                  const struct lookup_field *field, uint64_t before);
bool offer_is_change(const struct offer *offer);
const char *offer_written(const struct offer *offer); /* of a change; NULL: nothing */
/* The first @n of its texts are of what it makes, the others are brought to an object. */
void offer_set_made(struct offer *offer, size_t n);
char *const *offer_made(const struct offer *offer, size_t *ret_n);
/* Who offers @text offers @also, too. */
void parents_offer_also(struct parents *parents, const char *text, const char *also);
/* It makes nothing, but still brings the others; gives who waited till now, an array to free(). */
size_t offer_makes_none(struct parents *parents, struct offer *offer, void ***ret_waiters);
/* The field @from ("custom.cf_A") of whatever kind is called @to from now on. */
void parents_rename(struct parents *parents, const char *from, const char *to);
/* Who waits for it; not to free(). */
size_t offer_waiters(const struct offer *offer, void ***ret_waiters);
/* It has made its object, which those before it that are open and offer the same may not have. */
void parents_made(struct parents *parents, const struct offer *offer);
/* Something between it and number @before has made what it offers. */
bool offer_is_made(const struct offer *offer, uint64_t before);
/* Its outcome is durable: frees it and gives who waited. */
size_t parents_end(struct parents *parents, struct offer *offer, void ***ret_waiters);

/* taken.c: what updates have lately taken away from their objects. */
struct taken;
/* When a question was asked. */
struct asked_at {
	uint64_t n_updates, ms;
};
struct taken *taken_new(void);
void taken_free(struct taken *taken); /* NULL is ignored */
/*
 * An update of @object_id, which wrote @written (crm_written()), was applied. @lead_id (may be
 * NULL): who is found by the object's lists, too.
 */
void taken_add(struct taken *taken, const char *object_id, const char *lead_id, const char *written,
               uint64_t now_ms);
struct asked_at taken_now(const struct taken *taken, uint64_t now_ms);
/* All that was applied since @asked is known; else that answer is not to be believed. */
bool taken_knows(const struct taken *taken, const struct asked_at *asked);
/* The answer asked for at @asked may still show @field's value of the object, which has it no more.
 */
bool taken_from(const struct taken *taken, const char *object_id, const struct lookup_field *field,
                const struct asked_at *asked);

/* resolve.c */

struct resolving;

/* How far one lookup of a draft has come. */
struct finding {
	struct resolving *of;
	struct lookup *lookup; /* of its draft */
	bool is_link;
	bool takes_lead; /* of a link: the found object's lead is meant */
	size_t at;       /* the key that is tried */
	bool is_asking;  /* its key is in a question, or waits for one */
	bool was_asked;  /* the key has been asked since the draft came; the rest is the answer */
	struct asked_at asked;
	size_t n;             /* objects that fit */
	char *id, *lead;      /* the oldest; lead: NULL where it is not known, or there is none */
	char *trouble;        /* why it cannot be asked; NULL: nothing */
	struct finding *next; /* that waits to be asked */
	const struct offer *awaits; /* the last it waited for; not to be looked into */
	uint64_t orphan_of;         /* the part that was to make it and was rejected; 0: none */
	char **near; /* objects it may mean: of whom it waits for; NULL-terminated or NULL */
};

/* What is known of a lookup now. */
enum look {
	LOOK_FOUND,
	LOOK_NONE,
	LOOK_MANY,     /* more than one fits; the first is there as if found */
	LOOK_PARENT,   /* an earlier output may make it */
	LOOK_REJECTED, /* it was to be made by an output that was rejected */
	LOOK_ASK,      /* Close must be asked */
	LOOK_TROUBLE,  /* nobody can say; the sentence says why */
};
struct looked {
	struct offer *parent; /* LOOK_PARENT */
	uint64_t part;        /* LOOK_REJECTED: whose it was */
	char *id, *lead;
	size_t n;
	bool is_remembered; /* by an earlier answer, that may be outdated */
	char *trouble;
};
void looked_deinit(struct looked *looked);

enum resolving_wait {
	WAIT_NOTHING, /* it is looked at in the next turn */
	WAIT_ANSWER,  /* for a search or a book */
	WAIT_PARENT,
	WAIT_PERSON, /* … that is held, or for an object that is parked */
	WAIT_AHEAD,  /* for one that stands aside before it, about the same object */
	WAIT_LANE,   /* for calls about its object to end */
	WAIT_LISTS,  /* for what the object has now */
	WAIT_DOUBT,  /* for search to show what another process may have made */
};

struct resolving {
	struct resolving *before, *behind; /* in its stream's line, or aside */
	struct draft *draft;
	uint64_t number;
	size_t bytes;
	bool is_aside, is_woken;
	bool is_again;   /* it was sent by what was remembered already: not a second time */
	bool is_kept;    /* has its row */
	bool is_renamed; /* its custom fields have other ids since the last question */
	bool is_stuck;   /* a person had it taken up again, and only a person helps */
	char *person;    /* WAIT_PERSON: what it waits for, in words */
	enum resolving_wait wait;
	struct finding *findings; /* match, the links, the links of update */
	size_t n_findings;
	size_t n_asking;
	struct mark **closed; /* lanes of one that stands aside */
	size_t n_closed;
	struct mark **awaited; /* lanes whose opening it waits for (WAIT_LANE) */
	size_t n_awaited;
	struct resolving **waiters; /* that stand aside behind it */
	size_t n_waiters, cap_waiters;
	struct offer *parent;      /* among whose waiters it is; NULL: nobody's */
	struct resolving *ahead;   /* the same of one that stands aside */
	char **match_lanes;        /* of an upsert: by what it is found, NULL-terminated or NULL */
	bool is_reading;           /* the lists of its object: the answer is on its way */
	struct json_object *lists; /* of its object, as they are now */
	unsigned lists_status;     /* of the answer that says so; 0: not asked yet */
	char *target; /* found, while links are not; NULL: it is not known, or stands in the URL */
	char *gone;   /* the object it was sent for, which was not there; NULL: none */
	char **doubted;   /* URLs of objects that may be gone; NULL-terminated or NULL */
	size_t n_checked; /* of them were asked for */
	bool is_checking, is_forgetting; /* the last is not answered yet; it was gone */
	char *hint;      /* what those are that are there after all; NULL: nothing */
	char *nest_lead; /* nest: the lead there is, whose contacts the rows are */
};

/* Of one stream. */
struct line {
	struct line *next;
	uint64_t stream;
	struct resolving *first, *last;
};
struct asking;

struct resolve {
	uint64_t next_number;
	struct line *lines;
	struct resolving *aside_first, *aside_last; /* by number */
	size_t n, n_aside, n_woken, bytes;
	struct marks *closed;  /* by those aside */
	struct marks *awaited; /* by those of them that wait for calls to end */
	struct taken *taken;
	struct asking *askings;
	size_t n_gone;           /* of which ->gone is not NULL */
	size_t n_retaking;       /* requests that are taken back in a moment */
	bool is_busy;            /* something can go on in the next turn */
	bool is_full;            /* nothing more is read till enough of them have gone */
	bool has_new_book;       /* custom fields may have other ids */
	uint64_t doubt_until_ms; /* who waits in doubt; 0: nobody */
};

/* Nothing of its target is open; what waits in gather and would be is sent. */
bool resolve_is_free(struct engine *e, const struct request *call);
/* The same, whatever waits in gather. */
bool resolve_is_at_rest(const struct engine *e, const struct request *call);
/* Asks what @fields of the object at @url are: it waits for `lists`, and `lists_status` with them.
 */
void resolve_read_lists(struct engine *e, struct resolving *r, const char *url,
                        char *const *fields);
/* Something it waits for has changed. */
void resolve_wake(struct engine *e, struct resolving *r);
/* Comes in its old place: it was let go already, by what turned out wrong. */
struct resolving *resolve_add_again(struct engine *e, struct draft *takes_draft);
/* It stands aside and becomes @takes_draft, as it was when it came in. */
void resolve_start_anew(struct engine *e, struct resolving *r, struct draft *takes_draft);
/* A lookup of it has its answer. */
void resolve_answered(struct engine *e, struct resolving *r);
void resolve_drop_findings(struct resolving *r);

/* resolve_again.c: nothing leads to the object any more, and what was to be sent for it asks anew.
 */
void resolve_forget(struct engine *e, const char *id);

/* resolve_check.c */
/* Adds the URL of an object of @kind that may be gone, where it has one. */
void resolve_doubt_object(char ***doubted, const char *kind, const char *id);
/* Asks for those in doubt, one after the other; false: that is done, and ->hint says what is there.
 */
bool resolve_checks(struct engine *e, struct resolving *r);

/* resolve_doubt.c */
/* @f has found nothing, which proves nothing yet: @r waits. */
bool resolve_doubts(struct engine *e, struct resolving *r, const struct finding *f);
void resolve_doubt_turn(struct engine *e);

/* resolve_lanes.c */
/* The lanes of @draft and of what it is matched by, as far as they are known, on @call. */
void resolve_lanes_of(const struct draft *draft, struct request *call);
/* The lanes @r would enter, as far as they are known, on @call. */
void resolve_lanes(const struct resolving *r, struct request *call);
/* What it is found by: nobody else is to make or change such an object meanwhile. */
void resolve_add_match_lanes(struct resolving *r);
/*
 * Who stands aside before it and is about the same object, as far as that is known; NULL: nobody.
 */
struct resolving *resolve_ahead(struct engine *e, struct resolving *r);
/*
 * Of one that stands aside. Again, too: it may be known better by now what it is about. With
 * WAIT_LANE it is woken when one of those that are its own opens.
 */
void resolve_close_lanes(struct engine *e, struct resolving *r);
void resolve_open_lanes(struct resolve *resolve, struct resolving *r);
/* @request has left its lanes, and that is durable: who waits for one of them looks again. */
void resolve_lanes_opened(struct engine *e, const struct request *request);

/*
 * @f waits for @offer: so it may mean what the maker of that is about. What stands aside closes the
 * lanes of those, or records behind it that know them by another key would overtake it.
 */
void resolve_come_near(struct finding *f, const struct offer *offer);
/* What the maker of @offer, for which @r waits, is about is better known now. */
void resolve_come_nearer(struct engine *e, struct resolving *r, const struct offer *offer);

/* offers.c: what is at the place of @draft is about the objects whose lanes are on @call. */
void offers_about(struct engine *e, const struct draft *draft, const struct request *call);

/* resolve_look.c */
void finding_reset(struct finding *f); /* its key was not asked */
enum look resolve_look(struct engine *e, struct finding *f, struct looked *ret);

/* resolve_words.c: what a person has to settle before @r goes on; not to free(). */
const char *resolve_person(const struct engine *e, const struct resolving *r);

/* resolve_words.c: lookups in sentences; all to free(). */
/* @field of a lookup of @draft, as the pipeline calls it; not to free(). */
const char *resolve_field(const struct draft *draft, const char *field);
/* "email = ana@x.example and name = Ana, or phone = 123" */
char *resolve_words(const struct draft *draft, const struct lookup *lookup);
/* That nothing is found, with near names where it has a name. */
char *resolve_no_such(struct engine *e, const struct draft *draft, const struct lookup *lookup);
/* That @n are, by the key that @finding is at. */
char *resolve_many(struct engine *e, const struct draft *draft, const struct finding *finding,
                   size_t n, const char *what_to_do);
/*
 * Statuses of several pipelines may have one name; the key may say which pipeline is meant. Not to
 * free(); NULL: it does not.
 */
const char *resolve_within(const struct lookup_key *key);

/* resolve_go.c */
enum step { STEP_ON, STEP_WAIT, STEP_GONE };
/* Goes as far as is possible; false: it waits, ->wait says for what. True: it is gone. */
bool resolve_try(struct engine *e, struct resolving *r);
/* @parent makes, or may make, what @r needs: STEP_WAIT, or STEP_GONE where a person is told so. */
enum step resolve_wait_for_parent(struct engine *e, struct resolving *r, struct offer *parent);

/* resolve_send.c */
void resolve_reject(struct engine *e, struct resolving *r, enum reject_class class,
                    const char *field, const char *format, ...)
	__attribute__((format(printf, 5, 6)));
void resolve_skip(struct engine *e, struct resolving *r, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* Others about the same object come first; ->wait says for what it waits. */
bool resolve_must_wait(struct engine *e, struct resolving *r);
/* A reject about what is on @call holds up @draft. */
bool resolve_is_parked(const struct engine *e, const struct draft *draft,
                       const struct request *call);
/* It waits behind nobody: nobody wakes it who was to. */
void resolve_leave_ahead(struct resolving *r);
/* It is as it is to be sent. Takes its draft. */
void resolve_let_go(struct engine *e, struct resolving *r);

/* resolve_lists.c: lists to be added to, and updates that change nothing. */
enum step resolve_settle_on(struct engine *e, struct resolving *r);
/* Members of a body are shared with other drafts of the record: its keys are its own from here. */
void resolve_own_body(struct draft *draft);

/* resolve_ask.c */
void ask_want(struct engine *e, struct finding *f);
void ask_turn(struct engine *e);
/* When the oldest key has waited long enough; 0: none waits. */
uint64_t ask_due_ms(const struct engine *e);
void ask_free(struct resolve *resolve);

/*
 * Lookups were renamed (resolving.is_renamed): what waits is asked by the new names, and what was
 * asked by the old ones again.
 */
void ask_again(struct engine *e);

/* resolve_rename.c: custom fields that were deleted and made anew. */
bool rename_has_custom(const struct lookup_key *key);
/*
 * Close refuses a question for @key of @kind: true where a book of its fields is old and is asked
 * for again.
 */
bool rename_may_help(struct engine *e, const char *kind, const struct lookup_key *key);
/* A custom field of @key is in no book (any more). */
bool rename_is_gone(struct engine *e, const char *kind, const struct lookup_key *key);
/* The lookups of @draft get the ids that their fields' names have now; true: some are others. */
bool rename_fields(struct engine *e, struct draft *draft);
/* How the pipeline calls @field of a lookup of @draft; NULL: the same. */
const char *rename_written(const struct draft *draft, const char *field);

/* offers.c */
/* The text by which all those offer that make what is called by names (naming.c). */
extern const char offers_of_names[];
/* "held lead.create of signups.ndjson line 4", where @what is "held lead.create"; to free(). */
char *offers_words(const char *what, const struct record *record);
/* The lead of rows is there: they make none. */
void offers_find_lead(struct engine *e, const struct draft *nest);
/*
 * @update of the object is let go: the keys it brings, by which nobody knows the object yet, and
 * what it may take away.
 */
void offers_bring(struct engine *e, const struct draft *update, const char *object_id,
                  uint64_t number);

/* parking.c: delivery.on_reject: park. */
/* Who must be settled before @draft, which has the lanes of @call, in words; NULL: nobody. */
const char *parking_before(const struct engine *e, const struct draft *draft,
                           const struct request *call);
