"""The rules hold of the template, and each of them sees what it is there for."""

import unittest

import rules
from mutants import GONE, OF_THE_NEIGHBOURS, OF_THE_TEMPLATE, changed
from rules.schedules import expression
from subject import Subject

RULES = rules.load()


class Rules(unittest.TestCase):
    def test_the_template_keeps_every_rule(self):
        subject = Subject()
        for name, rule in RULES.items():
            with self.subTest(name):
                self.assertEqual(list(rule(subject)), [])

    def test_a_variation_is_transformed_like_the_whole(self):
        whole = Subject()
        for path, value in [("Resources.Ledger.DeletionPolicy", "Delete"), ("Resources.Undelivered", GONE), ("Resources.TradeSchwab.Timeout", 1)]:
            template = changed(whole.template, path, value)
            self.assertEqual(Subject(template, like=whole).transformed["Resources"], Subject(template).transformed["Resources"], path)

    def test_every_rule_sees_what_it_is_there_for(self):
        whole = Subject()
        for name, broken, path, value in OF_THE_TEMPLATE:
            with self.subTest(f"{name}: {broken}"):
                self.assertTrue(list(RULES[name](Subject(changed(whole.template, path, value), like=whole))), "nobody notices")

    def test_every_rule_sees_its_neighbours_change(self):
        whole = Subject()
        for name, broken, path, before, after in OF_THE_NEIGHBOURS:
            with self.subTest(f"{name}: {broken}"):
                text = whole.text(path)
                self.assertIn(before, text, "the mutant is as it was")
                self.assertTrue(list(RULES[name](Subject(whole.template, {path: text.replace(before, after)}, like=whole))), "nobody notices")

    def test_a_variable_may_name_the_secret_that_a_function_reads(self):
        whole = Subject()
        rule = RULES["every_variable_is_read_and_every_needed_one_is_set"]
        for function, name in [("SheetsLog", "GOOGLE_ACCOUNT"), ("EdgeGuardSchwab", "GOOGLE_ACCOUNT"), ("TradeSchwab", "APP_KEY")]:
            path = f"Resources.{function}.Properties.Environment.Variables.GAMMA_NAME_{name}"
            self.assertEqual(list(rule(Subject(changed(whole.template, path, "secretsmanager:other"), like=whole))), [], path)

    def test_no_rule_is_without_a_mutant(self):
        self.assertEqual(set(RULES), {mutant[0] for mutant in OF_THE_TEMPLATE + OF_THE_NEIGHBOURS})

    def test_expressions(self):
        good = ["cron(0/15 9-16 ? * 2-6 2025)", "cron(0 0 L * ? *)", "cron(5 4 1,15 JAN,JUL ? *)", "cron(0 18 ? * 6L *)"]
        for good in [*good, "rate(1 day)", "at(2025-09-03T16:13:00)"]:
            self.assertEqual(list(expression(good)), [], good)
        bad = ["cron(13 16 ? * 8 *)", "cron(13 24 ? * MON *)", "cron(13 16 ? * MON 1969)", "cron(*-5 16 ? * MON *)", "13 16 ? * MON *", ""]
        for bad in [*bad, "rate(0 hours)", "rate(5 weeks)", "at(2025-13-03T16:13:00)"]:
            self.assertTrue(list(expression(bad)), bad)


if __name__ == "__main__":
    unittest.main()
