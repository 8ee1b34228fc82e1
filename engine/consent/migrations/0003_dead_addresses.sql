-- A dead address stops what is sent there. It says nothing about the use of data; where nobody said anything the rule answers.
delete from consent.state where because = 'suppressed' and purpose in ('analytics', 'profiling', 'ads_share', 'model_training');
