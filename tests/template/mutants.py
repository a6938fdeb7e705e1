"""The template and its neighbours, each broken in one way, and the rule that must see it."""

import copy

GONE = object()

# (rule, what is broken, path in the template, value); GONE takes it out, and a function makes the value of what was there.
TRADE, KEEPER, GUARD = "Resources.TradeSchwab.Properties", "Resources.TokenKeeper.Properties", "Resources.EdgeGuardSchwab.Properties"
EVENT = f"{TRADE}.Events.Trade.Properties"
ROLE = "Resources.TradeSchwabRole.Properties.Policies.0.PolicyDocument.Statement"
ALARM = "Resources.TradeSchwabFailed.Properties"
SUM = "Resources.NotTraded.Properties"


def _instead(one, other):
    return lambda text: text.replace(one, other)


OF_THE_TEMPLATE = [
    ("time_zones_exist", "a misspelt time zone", f"{EVENT}.ScheduleExpressionTimezone", "America/New_Yrok"),
    ("time_zones_exist", "another time zone", f"{EVENT}.ScheduleExpressionTimezone", "UTC"),
    ("time_zones_exist", "no time zone", f"{EVENT}.ScheduleExpressionTimezone", GONE),
    ("expressions_are_schedulers", "both day fields given", f"{EVENT}.ScheduleExpression", "cron(13 16 * * MON-FRI *)"),
    ("expressions_are_schedulers", "both day fields asked", f"{EVENT}.ScheduleExpression", "cron(13 16 ? * ? *)"),
    ("expressions_are_schedulers", "five fields", f"{EVENT}.ScheduleExpression", "cron(13 16 ? * MON-FRI)"),
    ("expressions_are_schedulers", "minute 60", f"{EVENT}.ScheduleExpression", "cron(60 16 ? * MON-FRI *)"),
    ("expressions_are_schedulers", "no such day", f"{EVENT}.ScheduleExpression", "cron(13 16 ? * MON-FRY *)"),
    ("expressions_are_schedulers", "a range backwards", f"{EVENT}.ScheduleExpression", "cron(13 16 ? * FRI-MON *)"),
    ("expressions_are_schedulers", "weekday 0", f"{EVENT}.ScheduleExpression", "cron(13 16 ? * 0-4 *)"),
    ("expressions_are_schedulers", "a plural of one", f"{KEEPER}.Events.Refresh.Properties.ScheduleExpression", "rate(1 hours)"),
    ("expressions_are_schedulers", "a singular of many", f"{KEEPER}.Events.Refresh.Properties.ScheduleExpression", "rate(12 hour)"),
    ("expressions_are_schedulers", "a date without a time", f"{KEEPER}.Events.Refresh.Properties.ScheduleExpression", "at(2025-09-03)"),
    ("windows_are_off_in_words", "OFF unquoted", f"{EVENT}.FlexibleTimeWindow.Mode", False),
    ("windows_are_off_in_words", "a flexible window", f"{EVENT}.FlexibleTimeWindow", {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 5}),
    ("deliveries_are_bounded_and_the_lost_are_kept", "186 retries", f"{EVENT}.RetryPolicy.MaximumRetryAttempts", 186),
    ("deliveries_are_bounded_and_the_lost_are_kept", "an age of 59 s", f"{EVENT}.RetryPolicy.MaximumEventAgeInSeconds", 59),
    ("deliveries_are_bounded_and_the_lost_are_kept", "no retry policy", f"{EVENT}.RetryPolicy", GONE),
    ("deliveries_are_bounded_and_the_lost_are_kept", "no dead letters", f"{EVENT}.DeadLetterConfig", GONE),
    ("deliveries_are_bounded_and_the_lost_are_kept", "dead letters for the topic", f"{EVENT}.DeadLetterConfig", {"Arn": {"Ref": "Alarms"}}),
    ("a_late_trade_is_refused", "Scheduler later", f"{EVENT}.RetryPolicy.MaximumEventAgeInSeconds", 61),
    ("a_late_trade_is_refused", "Lambda later", f"{TRADE}.EventInvokeConfig.MaximumEventAgeInSeconds", 61),
    ("schedules_are_called_as_the_operator_looks_for_them", "another name", f"{EVENT}.Name", {"Fn::Sub": "${SchedulePrefix}-schwab-trade"}),
    ("schedules_are_called_as_the_operator_looks_for_them", "another prefix", "Parameters.SchedulePrefix.Default", "gamma-sc"),
    ("schedules_are_called_as_the_operator_looks_for_them", "the default group", f"{EVENT}.GroupName", GONE),
    ("schedules_are_called_as_the_operator_looks_for_them", "no last sweep", f"{TRADE}.Events.LastSweep", GONE),
    ("schedules_fire_when_they_should_and_only_when_switched_on", "always on", f"{EVENT}.State", "ENABLED"),
    ("schedules_fire_when_they_should_and_only_when_switched_on", "never on", f"{EVENT}.State", "DISABLED"),
    ("schedules_fire_when_they_should_and_only_when_switched_on", "a minute late", "Parameters.ScheduleTime.Default", "cron(14 16 ? * MON-FRI *)"),
    ("schedules_reach_their_own_function", "names changed over", f"{EVENT}.Name", {"Fn::Sub": "${SchedulePrefix}-tt-ira"}),
    ("inputs_are_understood", "another account's event", f"{EVENT}.Input", _instead("schwab", "tt-ira")),
    ("inputs_are_understood", "a field that nobody knows", f"{EVENT}.Input", _instead('"execution_id"', '"execution"')),
    ("inputs_are_understood", "no time", f"{EVENT}.Input", '{"account":"schwab"}'),
    ("inputs_are_understood", "no such attribute", f"{EVENT}.Input", _instead("scheduler.scheduled-time", "scheduler.time")),
    ("inputs_are_understood", "no JSON", f"{EVENT}.Input", _instead('"account"', "account")),
    ("inputs_are_understood", "a trade instead of a sweep", f"{TRADE}.Events.Sweep.Properties.Input", _instead('"sweep":true,', "")),
    ("inputs_are_understood", "a dry run", f"{EVENT}.Input", _instead('{"account"', '{"dry_run":true,"account"')),
    ("the_token_keeper_understands_its_input", "another verb", f"{KEEPER}.Events.Refresh.Properties.Input", _instead("refresh", "renew")),
    ("timeouts_fit", "a trade of 239 s", f"{TRADE}.Timeout", 239),
    ("timeouts_fit", "901 s", f"{GUARD}.Timeout", 901),
    ("memory_runtime_and_architecture_exist", "64 MB", f"{TRADE}.MemorySize", 64),
    ("memory_runtime_and_architecture_exist", "no such architecture", "Parameters.Architecture.AllowedValues", ["arm64", "arm65"]),
    ("memory_runtime_and_architecture_exist", "no such runtime", "Globals.Function.Runtime", "provided.al2025"),
    ("memory_runtime_and_architecture_exist", "one architecture", "Globals.Function.Architectures", ["arm64"]),
    ("functions_are_built_from_what_they_are_called", "another program", "Resources.TradeSchwab.Metadata.BuildProperties.Binary", "edge-guard"),
    ("no_concurrency_is_reserved", "some is", f"{TRADE}.ReservedConcurrentExecutions", 1),
    ("every_function_logs_where_it_is_looked_for_and_logs_end", "no log group", "Resources.TradeSchwabLog.Properties.LogGroupName", "/aws/lambda/other"),
    ("every_function_logs_where_it_is_looked_for_and_logs_end", "logs for ever", "Resources.TradeSchwabLog.Properties.RetentionInDays", GONE),
    ("every_function_logs_where_it_is_looked_for_and_logs_end", "31 days", "Parameters.LogRetentionDays.AllowedValues", [31, 400]),
    ("every_function_logs_where_it_is_looked_for_and_logs_end", "another's log", f"{TRADE}.LoggingConfig.LogGroup", {"Ref": "ControlLog"}),
    ("every_function_logs_where_it_is_looked_for_and_logs_end", "deleted logs", "Resources.TradeSchwabLog.DeletionPolicy", "Delete"),
    ("every_function_has_dead_letters_and_a_trade_is_never_retried", "a second trade", f"{TRADE}.EventInvokeConfig.MaximumRetryAttempts", 1),
    ("every_function_has_dead_letters_and_a_trade_is_never_retried", "three retries", f"{GUARD}.EventInvokeConfig.MaximumRetryAttempts", 3),
    ("every_function_has_dead_letters_and_a_trade_is_never_retried", "no destination", f"{GUARD}.EventInvokeConfig.DestinationConfig", GONE),
    ("every_function_has_dead_letters_and_a_trade_is_never_retried", "Lambda's defaults", f"{TRADE}.EventInvokeConfig", GONE),
    ("every_function_has_an_alarm_for_errors_and_for_slowness", "no alarm for errors", "Resources.ControlFailed", GONE),
    ("every_function_has_an_alarm_for_errors_and_for_slowness", "at the second error", f"{ALARM}.Threshold", 2),
    ("every_function_has_an_alarm_for_errors_and_for_slowness", "a longer timeout", f"{KEEPER}.Timeout", 150),
    ("an_error_that_is_counted_late_still_alarms", "one minute back", f"{ALARM}.EvaluationPeriods", 1),
    ("an_error_that_is_counted_late_still_alarms", "seven minutes back", "Resources.TradeSchwabSlow.Properties.EvaluationPeriods", 7),
    ("an_error_that_is_counted_late_still_alarms", "two datapoints", f"{ALARM}.DatapointsToAlarm", 2),
    ("an_error_that_is_counted_late_still_alarms", "as many datapoints as periods", "Resources.ControlFailed.Properties.DatapointsToAlarm", GONE),
    ("an_error_that_is_counted_late_still_alarms", "a longer timeout", f"{GUARD}.Timeout", 600),
    ("no_secret_is_written_down", "a password", f"{TRADE}.Environment.Variables.GAMMA_GW_PASSWORD", "hunter2"),
    ("no_secret_is_written_down", "a key by another name", f"{TRADE}.Environment.Variables.GAMMA_X", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
    ("no_secret_is_written_down", "a secret parameter", "Parameters.AppSecret", {"Type": "String", "NoEcho": True, "Default": ""}),
    ("a_deployment_is_dry_unless_told", "live by default", "Parameters.DryRun.Default", "false"),
    ("a_deployment_is_dry_unless_told", "scheduled by default", "Parameters.ScheduleState.Default", "ENABLED"),
    ("a_deployment_is_dry_unless_told", "always live", f"{TRADE}.Environment.Variables.GAMMA_DRY_RUN", "false"),
    ("a_deployment_is_dry_unless_told", "dry and writing tokens", f"{TRADE}.Environment.Variables.GAMMA_TOKENS", "keep"),
    ("every_alarm_tells_somebody_and_knows_what_silence_means", "no action", f"{ALARM}.AlarmActions", GONE),
    ("every_alarm_tells_somebody_and_knows_what_silence_means", "an action nowhere", f"{ALARM}.AlarmActions", [{"Fn::GetAtt": ["DeadLetters", "Arn"]}]),
    ("every_alarm_tells_somebody_and_knows_what_silence_means", "silence unsaid", f"{ALARM}.TreatMissingData", GONE),
    ("every_alarm_tells_somebody_and_knows_what_silence_means", "silence misspelt", f"{ALARM}.TreatMissingData", "notbreaching"),
    ("alarms_look_at_metrics_that_exist", "no such metric", f"{ALARM}.MetricName", "Error"),
    ("alarms_look_at_metrics_that_exist", "no such dimension", "Resources.OneSided.Properties.Dimensions.0.Name", "outcome"),
    ("alarms_look_at_metrics_that_exist", "a dimension more", "Resources.OneSided.Properties.Dimensions.1", {"Name": "Account", "Value": "schwab"}),
    ("alarms_look_at_metrics_that_exist", "another namespace", "Resources.OneSided.Properties.Namespace", "gamma"),
    ("alarms_are_such_that_cloudwatch_takes_them", "more than a week", "Resources.TradeSchwabSilent.Properties.EvaluationPeriods", 169),
    ("alarms_are_such_that_cloudwatch_takes_them", "a period of 45 s", f"{ALARM}.Period", 45),
    ("alarms_are_such_that_cloudwatch_takes_them", "one not added up", f"{SUM}.Metrics.0.Expression", "FILL(m0, 0) + FILL(m1, 0)"),
    ("alarms_are_such_that_cloudwatch_takes_them", "two answers", f"{SUM}.Metrics.1.ReturnData", True),
    ("what_should_be_heard_of_is_watched", "no heartbeat watched", "Resources.TradeTtIraSilent", GONE),
    ("what_should_be_heard_of_is_watched", "silence is fine", "Resources.TradeSchwabSilent.Properties.TreatMissingData", "notBreaching"),
    ("what_should_be_heard_of_is_watched", "a day of 24 hours", "Resources.TradeSchwabSilent.Properties.EvaluationPeriods", 24),
    ("what_should_be_heard_of_is_watched", "dead letters unread", "Resources.Undelivered", GONE),
    ("what_should_be_heard_of_is_watched", "no unknown outcomes", "Resources.UnknownOutcome", GONE),
    ("every_outcome_that_alarms_reaches_an_alarm", "one side unheard of", "Resources.OneSided", GONE),
    ("every_outcome_that_alarms_reaches_an_alarm", "not armed unheard of", "Resources.NotArmed.Properties.Dimensions.0.Value", "notarmed"),
    ("every_outcome_that_alarms_reaches_an_alarm", "no such error", "Resources.UnknownOutcome.Properties.Dimensions.0.Value", "Unresolvd"),
    ("the_runbook_says_what_to_do", "an alarm nobody explains", f"{ALARM}.AlarmName", {"Fn::Sub": "${TradeSchwab} broke"}),
    ("the_dashboard_shows_what_there_is", "no JSON", "Resources.Dashboard.Properties.DashboardBody.Fn::Sub", _instead('"widgets":', "widgets:")),
    ("the_dashboard_shows_what_there_is", "an account left out",
     "Resources.Dashboard.Properties.DashboardBody.Fn::Sub", _instead("${TradeTtIra}", "${TradeSchwab}")),
    ("the_template_has_the_accounts_of_the_profiles", "a foreign account", f"{TRADE}.Environment.Variables.GAMMA_ACCOUNT", "tt-ira"),
    ("the_template_has_the_accounts_of_the_profiles", "an account forgotten", f"{KEEPER}.Environment.Variables.GAMMA_ACCOUNTS", "schwab,tt-ira"),
    ("parts_are_called_as_the_operator_looks_for_them", "another name", f"{KEEPER}.FunctionName", {"Fn::Sub": "${AWS::StackName}-tokens"}),
    ("parts_are_called_as_the_operator_looks_for_them", "another table", "Resources.Ledger.Properties.TableName", {"Fn::Sub": "${AWS::StackName}-table"}),
    ("every_account_is_deployed_like_the_others", "another timeout", "Resources.TradeTtIra.Properties.Timeout", 600),
    ("every_account_is_deployed_like_the_others", "one action more",
     "Resources.TradeTtIraRole.Properties.Policies.0.PolicyDocument.Statement.2.Action.5", "dynamodb:Scan"),
    ("every_account_is_deployed_like_the_others", "another's log", "Resources.TradeTtIra.Properties.LoggingConfig.LogGroup", {"Ref": "TradeSchwabLog"}),
    ("every_account_is_deployed_like_the_others", "no alarm", "Resources.EdgeGuardTtIraSlow", GONE),
    ("an_account_stays_at_home", "another's secret",
     f"{ROLE}.6.Resource.0", {"Fn::Sub": "arn:aws:ssm:${AWS::Region}:${AWS::AccountId}:parameter/gamma/tt/client_secret"}),
    ("an_account_stays_at_home", "another's days", f"{ROLE}.2.Condition.ForAllValues:StringLike.dynamodb:LeadingKeys.0", "tt-ira#*"),
    ("an_account_stays_at_home", "its own orders", f"{ROLE}.2.Condition.ForAllValues:StringLike.dynamodb:LeadingKeys.1", "control#schwab"),
    ("who_comes_after_a_trade_reads_no_login_of_the_feed", "the feed's password",
     "Resources.SheetsLogRole.Properties.Policies.0.PolicyDocument.Statement.5.Resource.0",
     {"Fn::Sub": "arn:${AWS::Partition}:ssm:${AWS::Region}:${AWS::AccountId}:parameter/gamma/shared/gw_password"}),
    ("every_grant_is_spelt_out", "any resource", f"{ROLE}.1.Resource", "*"),
    ("every_grant_is_spelt_out", "any action", f"{ROLE}.1.Action", "sqs:*"),
    ("every_grant_is_spelt_out", "a misspelt action", f"{ROLE}.1.Action", "sqs:SendMessages"),
    ("every_grant_is_spelt_out", "any partition", f"{ROLE}.2.Condition", GONE),
    ("a_role_is_taken_by_one_service_and_used", "a role of anybody's",
     "Resources.TradeSchwabRole.Properties.AssumeRolePolicyDocument.Statement.0.Principal", {"AWS": "*"}),
    ("a_role_is_taken_by_one_service_and_used", "any schedule's", "Resources.ScheduleRole.Properties.AssumeRolePolicyDocument.Statement.0.Condition", GONE),
    ("a_role_is_taken_by_one_service_and_used", "a shared role", f"{GUARD}.Role", {"Fn::GetAtt": ["TradeSchwabRole", "Arn"]}),
    ("the_template_holds_in_every_account_region_and_partition", "a region", f"{ROLE}.1.Resource", "arn:${AWS::Partition}:sqs:us-east-1:x:dead-letters"),
    ("the_template_holds_in_every_account_region_and_partition", "a useless parameter", "Parameters.Stage", {"Type": "String", "Default": ""}),
    ("a_mail_address_gets_mail", "another protocol", "Resources.AlarmMail.Properties.Protocol", "sms"),
    ("a_mail_address_gets_mail", "always a subscription", "Resources.AlarmMail.Condition", GONE),
    ("the_ledger_is_never_lost", "it may be deleted", "Resources.Ledger.Properties.DeletionProtectionEnabled", False),
    ("the_ledger_is_never_lost", "it cannot be taken back", "Resources.Ledger.Properties.PointInTimeRecoverySpecification", GONE),
    ("the_ledger_is_never_lost", "it goes with the stack", "Resources.Ledger.DeletionPolicy", GONE),
    ("the_ledger_is_never_lost", "it goes with its key", "Resources.Ledger.UpdateReplacePolicy", "Delete"),
    ("the_ledger_has_the_keys_that_the_code_writes", "other keys", "Resources.Ledger.Properties.KeySchema.1.AttributeName", "sort"),
    ("the_ledger_has_the_keys_that_the_code_writes", "it forgets nothing", "Resources.Ledger.Properties.TimeToLiveSpecification.Enabled", False),
    ("the_ledger_has_the_keys_that_the_code_writes", "it forgets by another", "Resources.Ledger.Properties.TimeToLiveSpecification.AttributeName", "expires"),
    ("dead_letters_are_kept_as_long_as_can_be", "four days", "Resources.DeadLetters.Properties.MessageRetentionPeriod", GONE),
    ("every_variable_is_read_and_every_needed_one_is_set", "a misspelt one", f"{TRADE}.Environment.Variables.GAMMA_ACOUNT", "schwab"),
    ("every_variable_is_read_and_every_needed_one_is_set", "one of another function", "Resources.SheetsLog.Properties.Environment.Variables.GAMMA_DRY_RUN", "true"),
    ("every_variable_is_read_and_every_needed_one_is_set", "one missing", "Globals.Function.Environment.Variables.GAMMA_TABLE", GONE),
    ("the_functions_that_are_named_exist", "no such function",
     f"{TRADE}.Environment.Variables.GAMMA_SHEETS_LOG_FUNCTION", {"Fn::Sub": "${AWS::StackName}-sheet-log"}),
    ("the_functions_that_are_named_exist", "another's edge guard",
     f"{TRADE}.Environment.Variables.GAMMA_EDGE_GUARD_FUNCTION", {"Fn::Sub": "${AWS::StackName}-edge-guard-tt-ira"}),
]

# (rule, what is broken, file, what stands there, what stands there then)
OF_THE_NEIGHBOURS = [
    ("a_late_trade_is_refused", "accounts.toml is stricter", "shared/accounts/accounts.toml", "stale_after_seconds = 120", "stale_after_seconds = 90"),
    ("schedules_are_called_as_the_operator_looks_for_them", "names.rs has another ending", "shared/operator/src/names.rs", '"-warmup"', '"-warm-up"'),
    ("parts_are_called_as_the_operator_looks_for_them", "names.rs has another name", "shared/operator/src/names.rs", '"{stack}-control"', '"{stack}-operator"'),
    ("inputs_are_understood", "event.rs knows no execution id", "functions/trade/src/event.rs", '"execution_id", ', ""),
    ("inputs_are_understood", "events/ has another sweep", "events/sweep.json", '"sweep": true', '"sweep": false'),
    ("the_template_has_the_accounts_of_the_profiles", "accounts.toml has one more",
     "shared/accounts/accounts.toml", "[tt-ira]\n", '[tt-roth]\nlike = "schwab"\n\n[tt-ira]\n'),
    ("every_outcome_that_alarms_reaches_an_alarm", "one outcome more alarms", "shared/execution/src/report.rs",
     "Self::NotArmed\n                    |", "Self::NotArmed\n                    | Self::Halted\n                    |"),
    ("every_outcome_that_alarms_reaches_an_alarm", "an outcome is called otherwise", "shared/execution/src/report.rs", '"out_of_time"', '"too_late"'),
    ("the_runbook_says_what_to_do", "an error nobody explains", "functions/trade/src/event.rs", '"EmptyEvent"', '"NoEvent"'),
    ("the_runbook_says_what_to_do", "a listed error nobody explains", "functions/trade/src/event.rs",
     "const RESOLVE_FIELDS", 'const GRAVE: [&str; 2] = ["EmptyEvent", "NewTrouble"];\nconst RESOLVE_FIELDS'),
    ("the_runbook_says_what_to_do", "an outcome nobody explains", "docs/runbook.md", "| one_sided |", "| onesided |"),
    ("the_runbook_says_what_to_do", "an alarm nobody explains", "docs/runbook.md", "| has no heartbeat |", "| is silent |"),
    ("the_ledger_has_the_keys_that_the_code_writes", "another key is written", "shared/cloud/src/ledger/key.rs", 'part("sk")', 'part("sort")'),
    ("every_variable_is_read_and_every_needed_one_is_set", "one is read no more",
     "shared/accounts/src/deployment.rs", "GAMMA_EDGE_GUARD_FUNCTION", "GAMMA_GUARD_FUNCTION"),
    ("every_variable_is_read_and_every_needed_one_is_set", "one more is needed",
     "shared/accounts/src/deployment.rs", 'needed("GAMMA_ACCOUNT"', 'needed("GAMMA_REGION", "");\n needed("GAMMA_ACCOUNT"'),
    ("functions_are_built_from_what_they_are_called", "no such program", "functions/control/Cargo.toml", 'name = "control"', 'name = "operator"'),
]


def changed(template, path, value):
    """A copy of the template with one thing changed."""
    template = copy.deepcopy(template)
    *outer, last = _steps(path)
    place = template
    for step in outer:
        place = place[step]
    if value is GONE:
        del place[last]
    elif callable(value):
        before = place[last]
        place[last] = value(before)
        if place[last] == before:
            raise ValueError(f"{path}: the mutant is as it was")
    elif isinstance(place, list) and last == len(place):
        place.append(value)
    else:
        place[last] = value
    return template


def _steps(path):
    return [int(step) if step.isdigit() else step for step in path.split(".")]
