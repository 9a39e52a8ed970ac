#pragma once

/*
 * cmocka with our shape: each test is a function whose name is a sentence; main() lists them with
 * sentence(). check_* read better than assert_* beside the assert() of bugs.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define check(claim)     assert_true(claim)
#define check_eq(a, b)   assert_int_equal((intmax_t)(a), (intmax_t)(b))
#define check_text(a, b) assert_string_equal(a, b)
#define check_null(p)    assert_null(p)

#define sentence(fn)        cmocka_unit_test(fn)
#define run_sentences(list) cmocka_run_group_tests(list, NULL, NULL)
