"""Makes a container in Azurite, signed with the key that every Azurite has. Arguments: endpoint, container."""
import base64, datetime, hashlib, hmac, sys, urllib.error, urllib.request

ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="

endpoint, container = sys.argv[1:]
date = datetime.datetime.now(datetime.timezone.utc).strftime("%a, %d %b %Y %H:%M:%S GMT")
headers = f"x-ms-date:{date}\nx-ms-version:2021-12-02\n"
# https://learn.microsoft.com/rest/api/storageservices/authorize-with-shared-key; the emulator has the account in the path, too.
text = "PUT" + "\n" * 12 + headers + f"/{ACCOUNT}/{ACCOUNT}/{container}\nrestype:container"
signature = base64.b64encode(hmac.digest(base64.b64decode(KEY), text.encode(), hashlib.sha256)).decode()
request = urllib.request.Request(
    f"{endpoint}/{ACCOUNT}/{container}?restype=container",
    method="PUT",
    headers={"x-ms-date": date, "x-ms-version": "2021-12-02", "Authorization": f"SharedKey {ACCOUNT}:{signature}"},
)
try:
    urllib.request.urlopen(request, timeout=10)
except urllib.error.HTTPError as error:
    if error.code != 409:  # 409: it is there
        sys.exit(f"{error.code} {error.read().decode()}")
