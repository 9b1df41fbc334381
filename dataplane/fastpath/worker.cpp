// Instantiates the worker of production, so that the check of the fast path's symbols covers it.
#include "dataplane/fastpath/worker.h"

#include "dataplane/fastpath/ethdev_io.h"
#include "dataplane/fastpath/pipeline_impl.h"

namespace vipgate {

template class Worker<EthdevIo>;

}  // namespace vipgate
