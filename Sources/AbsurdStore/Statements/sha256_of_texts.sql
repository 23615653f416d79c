SELECT encode(sha256(convert_to(given.body, 'UTF8')), 'hex')
FROM unnest($1::text[]) WITH ORDINALITY AS given (body, position)
ORDER BY given.position
