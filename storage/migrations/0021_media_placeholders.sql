-- Where not everybody may see a file, what our actors said holds a placeholder in place of an address without a
-- pass: the address is made for each server to which it is handed (federation/vocabulary/media_urls.py).
UPDATE activities SET body = json_set(body, '$.object.attachment', json((
    SELECT json_group_array(json(
        CASE
            WHEN instr(file.value ->> '$.url', '/media/private/') = 0 THEN file.value
            ELSE json_set(file.value, '$.url', json_object(
                'kith:media', substr(file.value ->> '$.url', instr(file.value ->> '$.url', '/media/private/') + 7)
            ))
        END
    ))
    FROM json_each(activities.body, '$.object.attachment') AS file
)))
WHERE body LIKE '%/media/private/%' AND json_type(body, '$.object.attachment') = 'array';
