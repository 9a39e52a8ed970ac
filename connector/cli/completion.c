/*
 * Completion for bash, zsh and fish: a script made from the same rows that parse the command line,
 * so it knows every verb, flag and action of this version.
 */

#include "connector/cli/cli.h"
#include "connector/cli/words.h"
#include "connector/close/catalogue.h"
#include "connector/model/outcome.h"
#include "connector/pipeline/pipeline.h"

#include <stdio.h>
#include <string.h>

typedef void (*print_flag_fn)(const struct verb *verb, const struct cli_flag *flag);

static void each_flag(const struct verb *verb, print_flag_fn print)
{
	for (const struct cli_flag *f = verb->flags; f && f->name; f++)
		print(verb, f);
	for (const struct cli_flag *f = cli_common_flags; f->name; f++)
		print(verb, f);
}

/* In single quotes of a shell. */
static void print_quoted(const char *text)
{
	(void)putchar('\'');
	for (; *text; text++)
		(void)(*text == '\'' ? fputs("'\\''", stdout) : putchar(*text));
	(void)putchar('\'');
}

static void print_verbs(void)
{
	for (size_t i = 0; verbs[i]; i++)
		printf("%s%s", i ? " " : "", verbs[i]->name);
}

static void print_classes(void)
{
	for (int c = REJECT_NONE + 1; c < n_reject_classes; c++)
		printf("%s%s", c > REJECT_NONE + 1 ? " " : "",
		       reject_class_name((enum reject_class)c));
}

static void print_operations(void)
{
	const struct operation_set *set = crm_catalogue();

	for (size_t i = 0; i < set->n; i++)
		printf("%s%s", i ? " " : "", set->items[i].name);
	for (const char *const *name = route_upserts; *name; name++)
		printf(" %s", *name);
}

/* The words a kind stands for; nothing for files. */
static void print_choices(enum word_kind kind, const char *choices)
{
	switch (kind) {
	case WORD_CHOICE:
		(void)fputs(choices, stdout);
		break;
	case WORD_VERB:
		print_verbs();
		break;
	case WORD_CLASS:
		print_classes();
		break;
	case WORD_OPERATION:
		print_operations();
		break;
	case WORD_OTHER:
	case WORD_PIPELINE:
	case WORD_FILE:
		break;
	}
}

/* bash */

static const char bash_begin[] =
	"# Completion of closefeed for bash: put it where bash-completion looks, or\n"
	"#   source <(closefeed completion bash)\n"
	"\n"
	"_closefeed_files()\n"
	"{\n"
	"\tlocal IFS=$'\\n'\n"
	"\tcompopt -o filenames 2>/dev/null\n"
	"\tCOMPREPLY=($(compgen -d -- \"$cur\"; compgen -f -X \"$1\" -- \"$cur\"))\n"
	"}\n"
	"\n"
	"_closefeed()\n"
	"{\n"
	"\tlocal cur=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}\n"
	"\tlocal verb=${COMP_WORDS[1]} flags= valued= place=0 i\n"
	"\n"
	"\tCOMPREPLY=()\n"
	"\tif [ \"$COMP_CWORD\" = 1 ]; then\n"
	"\t\tCOMPREPLY=($(compgen -W '";

static const char bash_middle[] = "' -- \"$cur\"))\n"
				  "\t\treturn\n"
				  "\tfi\n"
				  "\tcase $verb in\n";

static const char bash_count[] = "\tesac\n"
				 "\tcase \" $valued \" in\n"
				 "\t*\" $before \"*)\n"
				 "\t\tcase $before in\n"
				 "\t\t--class) COMPREPLY=($(compgen -W '";

static const char bash_places[] =
	"' -- \"$cur\")) ;;\n"
	"\t\t*) _closefeed_files '' ;;\n"
	"\t\tesac\n"
	"\t\treturn ;;\n"
	"\tesac\n"
	"\tcase $cur in\n"
	"\t-*) COMPREPLY=($(compgen -W \"$flags\" -- \"$cur\")); return ;;\n"
	"\tesac\n"
	"\tfor ((i = 2; i < COMP_CWORD; i++)); do\n"
	"\t\tcase ${COMP_WORDS[i]} in\n"
	"\t\t-*) case \" $valued \" in *\" ${COMP_WORDS[i]} \"*) i=$((i + 1)) ;; esac ;;\n"
	"\t\t*) place=$((place + 1)) ;;\n"
	"\t\tesac\n"
	"\tdone\n"
	"\tcase $verb-$place in\n";

static const char bash_end[] = "\tesac\n"
			       "}\n"
			       "complete -F _closefeed closefeed\n";

static void print_bash_flag(const struct verb *verb, const struct cli_flag *flag)
{
	(void)verb;
	printf(" --%s", flag->name);
}

static void print_bash_valued(const struct verb *verb, const struct cli_flag *flag)
{
	(void)verb;
	if (flag->type == FLAG_SWITCH)
		return;
	printf(" --%s", flag->name);
	if (flag->letter)
		printf(" -%c", flag->letter);
}

static void print_bash_place(const struct verb *verb, size_t place, const struct word *word)
{
	if (word->kind == WORD_OTHER)
		return;
	printf("\t%s-%zu) ", verb->name, place);
	if (word->kind == WORD_PIPELINE) {
		(void)fputs("_closefeed_files '!*.y*ml' ;;\n", stdout);
	} else if (word->kind == WORD_FILE) {
		(void)fputs("_closefeed_files '' ;;\n", stdout);
	} else {
		(void)fputs("COMPREPLY=($(compgen -W '", stdout);
		print_choices(word->kind, word->choices);
		(void)fputs("' -- \"$cur\")) ;;\n", stdout);
	}
}

/* Calls @print for each word of each verb, with its place. */
static void each_place(void (*print)(const struct verb *verb, size_t place,
                                     const struct word *word))
{
	for (size_t i = 0; verbs[i]; i++) {
		struct word words[words_max];
		const size_t n = words_of(verbs[i], words);

		for (size_t place = 0; place < n; place++)
			print(verbs[i], place, &words[place]);
		words_deinit(words, n);
	}
}

static void print_bash(void)
{
	(void)fputs(bash_begin, stdout);
	print_verbs();
	(void)fputs(bash_middle, stdout);
	for (size_t i = 0; verbs[i]; i++) {
		printf("\t%s)\n\t\tflags='", verbs[i]->name);
		each_flag(verbs[i], print_bash_flag);
		(void)fputs("'\n\t\tvalued='", stdout);
		each_flag(verbs[i], print_bash_valued);
		(void)fputs("' ;;\n", stdout);
	}
	(void)fputs(bash_count, stdout);
	print_classes();
	(void)fputs(bash_places, stdout);
	each_place(print_bash_place);
	(void)fputs(bash_end, stdout);
}

/* zsh */

static const char zsh_begin[] =
	"#compdef closefeed\n"
	"# Completion of closefeed for zsh: put it as _closefeed into a folder of $fpath.\n"
	"\n"
	"_closefeed()\n"
	"{\n"
	"\tlocal -a names\n"
	"\n"
	"\tif (( CURRENT == 2 )); then\n"
	"\t\tnames=(\n";

static const char zsh_middle[] = "\t\t)\n"
				 "\t\t_describe verb names\n"
				 "\t\treturn\n"
				 "\tfi\n"
				 "\tlocal verb=$words[2]\n"
				 "\tshift words\n"
				 "\t(( CURRENT-- ))\n"
				 "\tcase $verb in\n";

static const char zsh_end[] = "\tesac\n"
			      "}\n"
			      "if [ \"$funcstack[1]\" = _closefeed ]; then\n"
			      "\t_closefeed \"$@\"\n"
			      "else\n"
			      "\tcompdef _closefeed closefeed\n"
			      "fi\n";

/* Help inside "[…]" of an _arguments row: brackets and colons would end it. */
static void print_zsh_help(const char *text)
{
	for (; *text; text++) {
		if (*text == '[' || *text == ']' || *text == ':')
			(void)putchar('\\');
		(void)(*text == '\'' ? fputs("'\\''", stdout) : putchar(*text));
	}
}

static void print_zsh_action(enum word_kind kind, const char *choices)
{
	if (kind == WORD_PIPELINE) {
		(void)fputs("_files -g \"*.(yaml|yml)\"", stdout);
	} else if (kind == WORD_FILE) {
		(void)fputs("_files", stdout);
	} else if (kind != WORD_OTHER) {
		(void)putchar('(');
		print_choices(kind, choices);
		(void)putchar(')');
	}
}

static void print_zsh_flag(const struct verb *verb, const struct cli_flag *flag)
{
	(void)verb;
	printf(" \\\n\t\t\t'%s--%s[", flag->is_repeatable ? "*" : "", flag->name);
	print_zsh_help(flag->help);
	(void)putchar(']');
	if (flag->type != FLAG_SWITCH) {
		printf(":%s:", flag->value);
		print_zsh_action(words_of_flag(flag), NULL);
	}
	(void)putchar('\'');
}

static void print_zsh_words(const struct verb *verb)
{
	struct word words[words_max];
	const size_t n = words_of(verb, words);

	for (size_t i = 0; i < n; i++) {
		printf(" \\\n\t\t\t'%zu:word:", i + 1);
		print_zsh_action(words[i].kind, words[i].choices);
		(void)putchar('\'');
	}
	words_deinit(words, n);
}

static void print_zsh(void)
{
	(void)fputs(zsh_begin, stdout);
	for (size_t i = 0; verbs[i]; i++) {
		printf("\t\t\t'%s:", verbs[i]->name);
		print_zsh_help(verbs[i]->summary);
		(void)fputs("'\n", stdout);
	}
	(void)fputs(zsh_middle, stdout);
	for (size_t i = 0; verbs[i]; i++) {
		printf("\t%s)\n\t\t_arguments", verbs[i]->name);
		each_flag(verbs[i], print_zsh_flag);
		print_zsh_words(verbs[i]);
		(void)fputs(" ;;\n", stdout);
	}
	(void)fputs(zsh_end, stdout);
}

/* fish */

static const char fish_begin[] =
	"# Completion of closefeed for fish: put it as closefeed.fish into\n"
	"# ~/.config/fish/completions.\n"
	"\n"
	"function __closefeed_at\n"
	"\tset -l words (commandline -opc)\n"
	"\tset -l place 0\n"
	"\ttest \"$words[2]\" = \"$argv[1]\"; or return 1\n"
	"\tfor word in $words[3..-1]\n"
	"\t\tstring match -q -- '-*' $word; or set place (math $place + 1)\n"
	"\tend\n"
	"\ttest $place = $argv[2]\n"
	"end\n"
	"\n"
	"complete -c closefeed -f\n";

static void print_fish_flag(const struct verb *verb, const struct cli_flag *flag)
{
	const enum word_kind kind = words_of_flag(flag);

	printf("complete -c closefeed -n '__fish_seen_subcommand_from %s' -l %s", verb->name,
	       flag->name);
	if (flag->letter)
		printf(" -s %c", flag->letter);
	if (flag->type != FLAG_SWITCH)
		(void)fputs(kind == WORD_FILE ? " -r -F" : " -x", stdout);
	if (kind == WORD_CLASS) {
		(void)fputs(" -a '", stdout);
		print_classes();
		(void)putchar('\'');
	}
	(void)fputs(" -d ", stdout);
	print_quoted(flag->help);
	(void)putchar('\n');
}

static void print_fish_place(const struct verb *verb, size_t place, const struct word *word)
{
	if (word->kind == WORD_OTHER)
		return;
	printf("complete -c closefeed -n '__closefeed_at %s %zu' ", verb->name, place);
	if (word->kind == WORD_PIPELINE) {
		(void)fputs("-a '(__fish_complete_suffix .yaml; __fish_complete_suffix .yml)'\n",
		            stdout);
	} else if (word->kind == WORD_FILE) {
		(void)fputs("-F\n", stdout);
	} else {
		(void)fputs("-a '", stdout);
		print_choices(word->kind, word->choices);
		(void)fputs("'\n", stdout);
	}
}

static void print_fish(void)
{
	(void)fputs(fish_begin, stdout);
	for (size_t i = 0; verbs[i]; i++) {
		printf("complete -c closefeed -n __fish_use_subcommand -a %s -d ", verbs[i]->name);
		print_quoted(verbs[i]->summary);
		(void)putchar('\n');
		each_flag(verbs[i], print_fish_flag);
	}
	each_place(print_fish_place);
}

static enum exit_code run_completion(const struct cli *cli)
{
	static const struct {
		const char *name;
		void (*print)(void);
	} shells[] = {{"bash", print_bash}, {"zsh", print_zsh}, {"fish", print_fish}};
	const char *name = cli_arg(cli, 0);

	for (size_t i = 0; i < sizeof(shells) / sizeof(*shells); i++) {
		if (strcmp(shells[i].name, name) != 0)
			continue;
		shells[i].print();
		return EXIT_DONE;
	}
	return cli_misuse(cli, "there is no completion for \"%s\": bash, zsh and fish have one",
	                  name);
}

const struct verb verb_completion = {
	.name = "completion",
	.summary = "completion of verbs, flags and files for a shell",
	.usage = "completion bash|zsh|fish",
	.examples =
		(const struct cli_example[]){
			{"closefeed completion bash",
                         "in ~/.bashrc: source <(closefeed completion bash)"},
			{"closefeed completion zsh", "as _closefeed into a folder of $fpath"},
			{"closefeed completion fish",
                         "as closefeed.fish into ~/.config/fish/completions"},
			{NULL},
		},
	.min_args = 1,
	.max_args = 1,
	.run = run_completion,
};
