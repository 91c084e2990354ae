// SPDX-License-Identifier: MIT
/* Curves, means, quantiles, incidence, tests and shares against those that R's survival made of
 * the same samples (tests/data/survival): to 1e-8. An empty cell is what is not finite. */
#include "csv.h"
#include "stats/curve.h"
#include "stats/incidence.h"
#include "stats/logrank.h"
#include "stats_case.h"
#include <stdlib.h>

static struct csv cases;

static int begin(void **state)
{
    (void)state;
    cases = csv_load("survival/cases.csv");
    return 0;
}

static int end(void **state)
{
    (void)state;
    csv_free(&cases);
    return 0;
}

/* The observations of a case, of one group or (-1) of all. */
static void take(struct sample_case *c, const char *name, int group)
{
    case_begin(c, false, false);
    for (int row = 0; row < cases.rows; row++) {
        const int own = (int)csv_real(&cases, row, "group");
        if (strcmp(csv_text(&cases, row, "case"), name) != 0 || (group >= 0 && group != own))
            continue;
        const int64_t i = c->sample.count;
        case_add(c, csv_real(&cases, row, "time"), (int)csv_real(&cases, row, "status"), i);
        c->group[i] = own;
        c->stratum[i] = (int64_t)csv_real(&cases, row, "stratum");
    }
    assert_true(c->sample.count > 0);
}

/* Take the case and group of a row of expectations; true where they differ from the row before. */
static bool take_row(struct sample_case *c, const struct csv *csv, int row)
{
    const char *const name = csv_text(csv, row, "case"), *const group = csv_text(csv, row, "group");
    if (row > 0 && strcmp(csv_text(csv, row - 1, "case"), name) == 0 &&
        strcmp(csv_text(csv, row - 1, "group"), group) == 0)
        return false;
    take(c, name, atoi(group));
    return true;
}

static void check(const struct csv *csv, int row, const char *column, double got)
{
    const double want = csv_real(csv, row, column);
    if (isnan(want) ? !isfinite(got) : fabs(got - want) <= 1e-8 * fabs(want) + 1e-12)
        return;
    fail_msg("row %d, case %s, %s: got %.17g, want %.17g", row + 2, csv->cell[row][0], column, got,
             want);
}

static void test_curves(void **state)
{
    (void)state;
    struct csv csv = csv_load("survival/curves.csv");
    struct sample_case c;
    struct curve curve = {0};
    int64_t at = 0;
    for (int row = 0; row < csv.rows; row++, at++) {
        if (take_row(&c, &csv, row)) {
            assert_int_equal(at, curve.points);
            curve_fini(&curve);
            curve_init(&curve, &c.sample, 0.95);
            at = 0;
        }
        check(&csv, row, "time", curve.time[at]);
        check(&csv, row, "at_risk", (double)curve.at_risk[at]);
        check(&csv, row, "died", (double)curve.died[at]);
        check(&csv, row, "censored", (double)curve.censored[at]);
        check(&csv, row, "survival", curve.survival[at]);
        check(&csv, row, "error", curve.error[at]);
        check(&csv, row, "lower", curve.lower[at]);
        check(&csv, row, "upper", curve.upper[at]);
    }
    assert_int_equal(at, curve.points);
    curve_fini(&curve);
    csv_free(&csv);
}

static void test_means(void **state)
{
    (void)state;
    struct csv csv = csv_load("survival/means.csv");
    struct sample_case c;
    struct curve curve = {0};
    for (int row = 0; row < csv.rows; row++) {
        if (take_row(&c, &csv, row)) {
            curve_fini(&curve);
            curve_init(&curve, &c.sample, 0.95);
        }
        const struct rmst rmst = curve_rmst(&curve, csv_real(&csv, row, "limit"));
        check(&csv, row, "mean", rmst.mean);
        check(&csv, row, "error", rmst.error);
    }
    curve_fini(&curve);
    csv_free(&csv);
}

static void test_quantiles(void **state)
{
    (void)state;
    struct csv csv = csv_load("survival/quantiles.csv");
    struct sample_case c;
    for (int row = 0; row < csv.rows; row++) {
        struct curve curve;
        struct bounds between;
        (void)take_row(&c, &csv, row);
        curve_init(&curve, &c.sample, csv_real(&csv, row, "confidence"));
        check(&csv, row, "value",
              curve_quantile(&curve, csv_real(&csv, row, "probability"), &between));
        check(&csv, row, "lower", between.lower);
        check(&csv, row, "upper", between.upper);
        curve_fini(&curve);
    }
    csv_free(&csv);
}

static void test_incidence(void **state)
{
    (void)state;
    struct csv csv = csv_load("survival/incidence.csv");
    struct sample_case c;
    struct incidence incidence = {0};
    int64_t at = 0;
    for (int row = 0; row < csv.rows; row++, at++) {
        if (take_row(&c, &csv, row)) {
            int32_t causes = 1;
            for (int64_t i = 0; i < c.sample.count; i++)
                causes = c.status[i] > causes ? c.status[i] : causes;
            assert_int_equal(at, incidence.points * incidence.causes);
            incidence_fini(&incidence);
            incidence_init(&incidence, &c.sample, causes, 0.95);
            at = 0;
        }
        check(&csv, row, "cause", (double)(1 + at / incidence.points));
        check(&csv, row, "time", incidence.time[at % incidence.points]);
        check(&csv, row, "share", incidence.share[at]);
        check(&csv, row, "error", incidence.error[at]);
        /* At a share of 1 R has no interval either, unless it misses the 1 by rounding. */
        if (fabs(csv_real(&csv, row, "share") - 1.0) < 1e-12) {
            assert_true(isnan(incidence.lower[at]) && isnan(incidence.upper[at]));
            continue;
        }
        check(&csv, row, "lower", incidence.lower[at]);
        check(&csv, row, "upper", incidence.upper[at]);
    }
    assert_int_equal(at, incidence.points * incidence.causes);
    incidence_fini(&incidence);
    csv_free(&csv);
}

static void test_logrank(void **state)
{
    (void)state;
    struct csv csv = csv_load("survival/logrank.csv");
    for (int row = 0; row < csv.rows; row++) {
        struct sample_case c;
        double observed[8], expected[8];
        const int group = (int)csv_real(&csv, row, "group");
        take(&c, csv_text(&csv, row, "case"), -1);
        if (csv_real(&csv, row, "stratified") > 0.0)
            c.sample.stratum = c.stratum;
        const struct logrank test = logrank_test(&c.sample, c.group, 8, observed, expected);
        check(&csv, row, "observed", observed[group]);
        check(&csv, row, "expected", expected[group]);
        check(&csv, row, "chi2", test.chi2);
        check(&csv, row, "df", (double)test.df);
        check(&csv, row, "p", test.p);
    }
    csv_free(&csv);
}

static void test_shares(void **state)
{
    (void)state;
    struct csv csv = csv_load("survival/shares.csv");
    for (int row = 0; row < csv.rows; row++) {
        const struct bounds between =
            sample_share((int64_t)csv_real(&csv, row, "hits"),
                         (int64_t)csv_real(&csv, row, "trials"), csv_real(&csv, row, "confidence"));
        check(&csv, row, "lower", between.lower);
        check(&csv, row, "upper", between.upper);
    }
    csv_free(&csv);
}

/* What survRM2 says of the waltons data up to 10, where a spread of min(T, limit) was once taken
 * for an error of its mean: 9.794, 0.123, and 0.145 for the difference. */
static void test_published_restricted_means(void **state)
{
    (void)state;
    struct rmst rmst[2];
    for (int group = 0; group < 2; group++) {
        struct sample_case c;
        struct curve curve;
        take(&c, "waltons", group);
        curve_init(&curve, &c.sample, 0.95);
        rmst[group] = curve_rmst(&curve, 10.0);
        curve_fini(&curve);
    }
    assert_true(fabs(rmst[1].mean - 9.794) < 5e-4);
    assert_true(fabs(rmst[1].error - 0.123) < 5e-4);
    const double z = (rmst[0].mean - rmst[1].mean) / hypot(rmst[0].error, rmst[1].error);
    assert_true(fabs(erfc(z / sqrt(2.0)) - 0.145) < 5e-4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_curves),
        cmocka_unit_test(test_means),
        cmocka_unit_test(test_quantiles),
        cmocka_unit_test(test_incidence),
        cmocka_unit_test(test_logrank),
        cmocka_unit_test(test_shares),
        cmocka_unit_test(test_published_restricted_means),
    };
    return cmocka_run_group_tests_name("survival", tests, begin, end);
}
