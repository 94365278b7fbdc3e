/* tables.c: real tables through the command, with no options but the target: at least what simple models reach on them
   (the figures of the shared data sets' page), with the default seed and in the mean of three. */
#include "../data/files.h"

static double value_of(const char *line, const char *name)
{
    const char *at = strstr(line, "\"validation\": {");
    at = at ? strstr(at, name) : NULL;
    return at ? strtod(at + strlen(name) + 2, NULL) : NAN;
}

static double train(const char *data, const char *target, const char *name, int seed)
{
    const char *program = getenv("CORNU") ? getenv("CORNU") : "../cornu";
    char command[1024], line[4096] = "";
    snprintf(command, sizeof command, "%s train '%s/tabular/%s' --target '%s' --json --quiet --seed %d", program,
             shared_data(), data, target, seed);
    FILE *f = popen(command, "r");
    if (!f || !fgets(line, sizeof line, f) || pclose(f)) return NAN;
    return value_of(line, name);
}

static void check(const char *data, const char *target, bool accuracy, double goal)
{
    if (!shared_data()) SKIP("no shared data sets");
    double sum = 0, v[3];
    for (int i = 0; i < 3; i++) sum += v[i] = train(data, target, accuracy ? "\"accuracy\"" : "\"rmse\"", i + 1);
    printf("%-28s %s %.4g %.4g %.4g, goal %g\n", data, accuracy ? "accuracy" : "rmse", v[0], v[1], v[2], goal);
    CHECK(accuracy ? v[0] >= goal : v[0] <= goal);
    CHECK(accuracy ? sum / 3 >= goal : sum / 3 <= goal);
}

TEST(iris) { check("iris.csv", "4", true, 0.95); }
TEST(wdbc) { check("wdbc.csv", "1", true, 0.95); }
TEST(penguins) { check("penguins.csv", "species", true, 0.97); }
TEST(banknote) { check("banknote_authentication.csv", "4", true, 0.99); }
TEST(titanic) { check("titanic.csv", "survived", true, 0.80); }
TEST(pima) { check("pima-indians-diabetes.csv", "8", true, 0.75); }
TEST(sonar) { check("sonar.csv", "60", true, 0.80); }
TEST(boston) { check("boston-housing.csv", "13", false, 4.1); }
TEST(california) { check("california-housing.csv.gz", "median_house_value", false, 56000); }
TEST(auto_mpg) { check("auto-mpg.csv", "mpg", false, 3.0); }
TEST(red_wine) { check("winequality-red.csv", "11", false, 0.65); }

CHECK_MAIN
