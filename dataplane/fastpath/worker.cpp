// Instantiates the worker of production, so that the check of the fast path's symbols covers it.
#include "dataplane/fastpath/worker.h"

#include "dataplane/fastpath/ethdev_io.h"

namespace vipgate {

template class Worker<EthdevIo>;

}  // namespace vipgate
