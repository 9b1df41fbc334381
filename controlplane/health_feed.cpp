#include "controlplane/health_feed.h"
