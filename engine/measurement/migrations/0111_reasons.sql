-- Why a model was chosen is kept by code from now on; what was kept in English words goes, the next night says it anew.
update measurement.customer_fit set learnt = jsonb_set(learnt, '{because}', 'null')
where jsonb_typeof(learnt -> 'because') = 'string';
