#include "lib/versions.h"

#include "lib/kafka.h"

#include <curl/curl.h>
#include <json-c/json_c_version.h>
#include <microhttpd.h>
#include <openssl/crypto.h>
#include <sqlite3.h>
#include <yaml.h>
#include <zlib.h>
#include <zstd.h>

const struct library_version *library_versions(void)
{
	static struct library_version rows[10];

	rows[0] = (struct library_version){"libcurl", curl_version_info(CURLVERSION_NOW)->version};
	rows[1] = (struct library_version){"json-c", json_c_version()};
	rows[2] = (struct library_version){"libyaml", yaml_get_version_string()};
	rows[3] = (struct library_version){"sqlite", sqlite3_libversion()};
	rows[4] = (struct library_version){"openssl", OpenSSL_version(OPENSSL_VERSION_STRING)};
	rows[5] = (struct library_version){"libmicrohttpd", MHD_get_version()};
	rows[6] = (struct library_version){"zlib", zlibVersion()};
	rows[7] = (struct library_version){"zstd", ZSTD_versionString()};
	rows[8] = (struct library_version){"librdkafka", kafka_version()};
	return rows;
}
