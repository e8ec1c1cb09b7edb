# SPDX-License-Identifier: MIT
import collections
import json
import re

words = collections.defaultdict(list)
for i in range(30000):
    word = "".join(chr(97 + i * k % 26) for k in range(1, 6))
    words[word].append({"n": i, "text": "%s %d" % (word, i), "long": "x" * (600 + i % 900)})
text = json.dumps(words, sort_keys=True)
back = json.loads(text)
print(len(text), len(back), len(re.findall(r"[aeiou]+[^aeiou]", text)))
