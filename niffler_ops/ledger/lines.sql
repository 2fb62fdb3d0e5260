-- name: lines
SELECT line, cells, state, reason FROM rows WHERE line > :after ORDER BY line LIMIT :limit
