// Instantiates the pipeline of production.
#include "dataplane/fastpath/pipeline_impl.h"

namespace vipgate {

template class Pipeline<NoObserver>;

}  // namespace vipgate
